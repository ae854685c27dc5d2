import picocolors from 'picocolors';

/** Where a command prints. stdout carries the answer, stderr everything said on the way to it. */
export interface Ui {
  readonly out: NodeJS.WritableStream;
  readonly err: NodeJS.WritableStream;
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  /** stderr is a terminal that can redraw a line, and neither --json nor --quiet was asked for. */
  readonly live: boolean;
  /** A person can be asked. */
  readonly interactive: boolean;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly colors: Palette;
  /** Colours for stderr, which may be a terminal when stdout is not. */
  readonly errColors: Palette;
  readonly width: number;
  now(): Date;
  /** A remark on stderr; silent with --quiet and --json. */
  note(text: string): void;
}

export type Palette = Pick<
  ReturnType<typeof picocolors.createColors>,
  'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan' | 'magenta'
>;

export interface UiOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  /** False with --no-color. */
  readonly color?: boolean;
  readonly out?: NodeJS.WriteStream;
  readonly err?: NodeJS.WriteStream;
  readonly input?: NodeJS.ReadStream;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export function createUi(options: UiOptions = {}): Ui {
  const out = options.out ?? process.stdout;
  const err = options.err ?? process.stderr;
  const input = options.input ?? process.stdin;
  const env = options.env ?? process.env;
  const allowed = options.color !== false && !env.NO_COLOR && env.TERM !== 'dumb';
  const forced = Boolean(env.FORCE_COLOR) && env.FORCE_COLOR !== '0';
  const palette = (stream: NodeJS.WriteStream) =>
    picocolors.createColors(allowed && !options.json && (forced || stream.isTTY === true));
  const json = options.json === true;
  const quiet = options.quiet === true;
  return {
    out,
    err,
    input,
    json,
    quiet,
    verbose: options.verbose === true,
    live: err.isTTY === true && env.TERM !== 'dumb' && !json && !quiet,
    interactive: input.isTTY === true && err.isTTY === true && !json,
    colors: palette(out),
    errColors: palette(err),
    get width() {
      return err.columns ?? out.columns ?? 100;
    },
    now: () => new Date(),
    note(text) {
      if (!json && !quiet) err.write(`${text}\n`);
    },
  };
}

/** `+ proved`, `! damaged`: a state with the colour that an operator expects. */
export function paintState(state: string, colors: Palette): string {
  switch (state) {
    case 'proved':
    case 'completed':
    case 'exact':
    case 'restored':
    case 'ok':
    case 'done':
      return colors.green(state);
    case 'damaged':
    case 'lost':
    case 'failed':
    case 'fail':
      return colors.red(state);
    case 'pending':
    case 'copying':
    case 'running':
    case 'warn':
    case 'paused':
    case 'limited':
    case 'stored':
      return colors.yellow(state);
    case 'complete':
    case 'intact':
      return colors.cyan(state);
    default:
      return state;
  }
}
