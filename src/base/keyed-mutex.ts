/** Mutual exclusion per key; a key that nobody holds or waits for costs nothing. */

import { Mutex } from "./mutex.ts";

interface Slot {
  readonly mutex: Mutex;
  users: number;
}

export class KeyedMutex {
  readonly #slots = new Map<string, Slot>();

  async run<T>(key: string, section: () => T | Promise<T>): Promise<T> {
    const slot = this.#slots.get(key) ?? { mutex: new Mutex(), users: 0 };
    this.#slots.set(key, slot);
    slot.users += 1;
    try {
      return await slot.mutex.run(section);
    } finally {
      slot.users -= 1;
      if (slot.users === 0) this.#slots.delete(key);
    }
  }
}
