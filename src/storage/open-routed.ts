/** A store with its credentials as configured: one for all, or one for each kind of call. */
import type { ObjectStore } from './object-store';
import { createRoutedStore, routesOf, type CredentialRole, type OpenWith } from './routed-store';

export interface RoutedCredentials {
  readonly name: string;
  readonly kind: ObjectStore['kind'];
  readonly capabilities: ObjectStore['capabilities'];
  /** References by what they are for. */
  readonly stated: Readonly<Partial<Record<CredentialRole, string | undefined>>>;
  /** Serves what is not stated; null: such calls are refused. */
  readonly byDefault: string | null;
}

/** `open` gets the reference that the calls of the opened store are to use; each reference is opened once. */
export function openRouted(routed: RoutedCredentials, open: (reference: string) => ObjectStore): ObjectStore {
  const openers = new Map<string, OpenWith>();
  const opener = (reference: string | null): OpenWith | null => {
    if (reference === null) return null;
    const known = openers.get(reference) ?? (() => open(reference));
    openers.set(reference, known);
    return known;
  };
  const routes = routesOf<string>(withoutGaps(routed.stated), routed.byDefault);
  return createRoutedStore({
    name: routed.name,
    kind: routed.kind,
    capabilities: routed.capabilities,
    routes: { write: opener(routes.write), read: opener(routes.read), delete: opener(routes.delete) },
  });
}

function withoutGaps(stated: RoutedCredentials['stated']): Readonly<Partial<Record<CredentialRole, string>>> {
  return Object.fromEntries(Object.entries(stated).filter(([, reference]) => reference !== undefined));
}
