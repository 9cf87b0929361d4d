/**
 * A loop that runs when there is work and sleeps when there is none.
 *
 * Always true: at most one round runs at a time; a `wake` during a round is followed by another round, however late it came.
 */

export class Loop {
  readonly #round: () => Promise<void>;
  #asked = false;
  #running: Promise<void> | null = null;

  /** `round` does all the work there is, and handles its own failures. */
  constructor(round: () => Promise<void>) {
    this.#round = round;
  }

  get isRunning(): boolean {
    return this.#running !== null;
  }

  wake(): void {
    this.#asked = true;
    this.#running ??= this.#run();
  }

  /** Resolves when no round is running. */
  async idle(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  async #run(): Promise<void> {
    // The caller's turn ends first, so that `wake` never runs a round inside itself.
    await Promise.resolve();
    try {
      while (this.#asked) {
        this.#asked = false;
        await this.#round();
      }
    } finally {
      // In the same step as the last look at `asked`: nothing can come between.
      this.#running = null;
    }
  }
}
