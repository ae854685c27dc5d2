/** A sink that stops at a chosen write, so that a fault can be made to happen in the middle of a file. */
import type { FileSinkHandle } from '../../src/engines/engine';
import { MemoryFiles } from './folder-sink';

export class GatedFiles extends MemoryFiles {
  /** Resolves when the first chunk of a matching file has come. */
  readonly reached: Promise<string>;
  private arrived!: (path: string) => void;
  private opened_!: () => void;
  private readonly gate: Promise<void>;

  constructor(private readonly matches: (path: string) => boolean) {
    super();
    this.reached = new Promise((resolve) => (this.arrived = resolve));
    this.gate = new Promise((resolve) => (this.opened_ = resolve));
  }

  /** Lets everything that waits go on. */
  open(): void {
    this.opened_();
  }

  override openFile(path: string): FileSinkHandle {
    const inner = super.openFile(path);
    if (!this.matches(path)) return inner;
    return {
      write: async (chunk) => {
        this.arrived(path);
        await this.gate;
        await inner.write(chunk);
      },
      end: () => inner.end(),
    };
  }
}
