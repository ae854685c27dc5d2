import { stripVTControlCharacters } from 'node:util';
import { displayWidth } from './table';
import type { Ui } from './ui';

/** What is shown while something runs. `block` is redrawn in place; `line` stands alone in a log. */
export interface Frame {
  readonly block: readonly string[];
  readonly line: string;
  /** Changes with the phase: a log gets a line at once when it does, otherwise at the calm interval. */
  readonly key: string;
  /** The newline-JSON that --json puts on stderr. */
  readonly data: unknown;
}

export interface ProgressView {
  show(frame: Frame): void;
  /** Prints a line above the block. */
  say(text: string): void;
  /** Takes the block off the screen. */
  stop(): void;
}

/** Milliseconds between two lines in a log or a pipe when nothing but counters changes. */
export const CALM_INTERVAL_MS = 10_000;
/** Milliseconds between two redraws on a terminal. */
const REDRAW_MS = 80;

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';

/** A block on a terminal, calm lines elsewhere, newline-JSON on stderr with --json, nothing with --quiet. */
export function createProgress(ui: Ui, calmMs = CALM_INTERVAL_MS): ProgressView {
  if (ui.quiet) return { show: () => {}, say: () => {}, stop: () => {} };
  return ui.live ? liveView(ui) : lineView(ui, calmMs);
}

function lineView(ui: Ui, calmMs: number): ProgressView {
  let lastKey: string | null = null;
  let lastAt = 0;
  return {
    show(frame) {
      const now = ui.now().getTime();
      if (frame.key === lastKey && now - lastAt < calmMs) return;
      lastKey = frame.key;
      lastAt = now;
      ui.err.write(
        ui.json ? `${JSON.stringify({ progress: frame.data })}\n` : `${stripVTControlCharacters(frame.line)}\n`,
      );
    },
    say(text) {
      if (!ui.json) ui.err.write(`${text}\n`);
    },
    stop: () => {},
  };
}

function liveView(ui: Ui): ProgressView {
  let drawn = 0;
  let lastAt = 0;
  let hidden = false;
  const showCursor = () => {
    if (hidden) ui.err.write(SHOW_CURSOR);
    hidden = false;
  };
  const clear = () => {
    if (drawn > 0) ui.err.write(`\u001b[${drawn}A\u001b[0J`);
    drawn = 0;
  };
  // A cursor that stays hidden after a crash would spoil the operator's terminal.
  process.once('exit', showCursor);
  return {
    show(frame) {
      const now = Date.now();
      if (drawn > 0 && now - lastAt < REDRAW_MS) return;
      lastAt = now;
      if (!hidden) ui.err.write(HIDE_CURSOR);
      hidden = true;
      clear();
      const lines = frame.block.map((line) => cut(line, ui.width - 1));
      ui.err.write(lines.map((line) => `${line}\n`).join(''));
      drawn = lines.length;
    },
    say(text) {
      clear();
      ui.err.write(`${text}\n`);
    },
    stop() {
      clear();
      showCursor();
      process.removeListener('exit', showCursor);
    },
  };
}

/** A line that wraps would break the redraw; colours are dropped from one that must be cut. */
function cut(line: string, width: number): string {
  if (displayWidth(line) <= width) return line;
  let kept = '';
  for (const character of stripVTControlCharacters(line)) {
    if (displayWidth(kept + character) > width - 1) break;
    kept += character;
  }
  return `${kept}…`;
}

/** `████████░░░░`: `share` of 0..1; null = not known, drawn empty. */
export function bar(share: number | null, width: number): string {
  const bounded = Math.min(1, Math.max(0, share ?? 0));
  const full = Math.floor(bounded * width);
  return '█'.repeat(full) + '░'.repeat(width - full);
}

/** One spinner at a time: what runs inside another is part of it. */
let spinning = false;

/** Shows `label` with the time that has passed while `work` runs; for steps that cannot say how far they are. */
export async function withSpinner<T>(ui: Ui, label: string, work: () => Promise<T>): Promise<T> {
  if (spinning) return work();
  spinning = true;
  const view = createProgress(ui);
  const glyphs = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏';
  const startedAt = Date.now();
  let turn = 0;
  const tick = () => {
    const seconds = Math.floor((Date.now() - startedAt) / 1_000);
    // Quick steps stay quiet: nothing flashes by.
    if (Date.now() - startedAt < 700) return;
    turn += 1;
    view.show({
      block: [`${ui.errColors.cyan(glyphs[turn % glyphs.length]!)} ${label} ${ui.errColors.dim(`${seconds} s`)}`],
      line: `${label} (${seconds} s)`,
      key: label,
      data: { step: label, elapsedMs: Date.now() - startedAt },
    });
  };
  const timer = setInterval(tick, 120);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    view.stop();
    spinning = false;
  }
}
