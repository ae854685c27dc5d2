# Holdfast: the worker, the CLI and the migrations in one image. Build it with: docker build -t holdfast .
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm install --no-audit --no-fund --ignore-scripts
COPY tsconfig.json ./
COPY scripts ./scripts
COPY src ./src
RUN npm run build && npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:24.21.0-bookworm-slim
# The newest PostgreSQL server and client tools: clients must be at least as new as the servers that they dump, and a
# proof restores into a private cluster of the server's own programs. age and zstd are for the recovery kit.
ARG POSTGRES_MAJOR=18
RUN apt-get update \
  && apt-get install -y --no-install-recommends age ca-certificates gnupg postgresql-common tini zstd \
  && sed -i 's/^#\?create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf \
  && /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y \
  && apt-get install -y --no-install-recommends "postgresql-${POSTGRES_MAJOR}" \
  && apt-get purge -y gnupg && apt-get autoremove -y \
  && rm -rf /var/lib/apt/lists/*
RUN groupadd --system --gid 10001 holdfast \
  && useradd --system --uid 10001 --gid holdfast --home-dir /var/lib/holdfast --create-home holdfast \
  && mkdir -p /etc/holdfast /var/lib/holdfast/backups /var/lib/holdfast/scratch \
  && chown -R holdfast:holdfast /var/lib/holdfast
WORKDIR /opt/holdfast
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
COPY bin ./bin
COPY schema ./schema
COPY src/repository/FORMAT.md ./src/repository/FORMAT.md
COPY package.json LICENSE ./
RUN ln -s /opt/holdfast/bin/holdfast.js /usr/local/bin/holdfast
ENV NODE_ENV=production HOLDFAST_CONFIG=/etc/holdfast/holdfast.yaml
USER holdfast
WORKDIR /var/lib/holdfast
# worker.metrics of the configuration is 0.0.0.0:9464 here; /healthz answers 200 while every queue is polled.
EXPOSE 9464
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9464/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# tini hands signals on and collects what pg_dump and scratch servers leave.
ENTRYPOINT ["tini", "--", "holdfast"]
CMD ["worker"]
