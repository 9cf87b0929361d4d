/** Long work written as a generator that yields where somebody else may have a turn. */

/** Gives everybody else a turn, when it is time for one. */
export type Pause = () => Promise<void>;

/** To its end, without a turn for anybody. */
export function drained<Result>(steps: Generator<void, Result>): Result {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** To its end, with a pause wherever it yields; null: without. */
export async function inTurns<Result>(steps: Generator<void, Result>, pause: Pause | null): Promise<Result> {
  if (pause === null) return drained(steps);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    await pause();
  }
}
