/**
 * A running digest of everything that happened, in order: two runs that differ anywhere end with different digests.
 *
 * Two 32-bit halves, each multiplied and mixed with every byte; enough to tell histories apart, and cheap.
 */

export type EventPart = string | number | bigint | boolean | null | Uint8Array;

export class EventHash {
  #high = 0x811c9dc5;
  #low = 0x9747b28c;
  #events = 0;

  get events(): number {
    return this.#events;
  }

  add(parts: readonly EventPart[]): void {
    this.#events += 1;
    for (const part of parts) {
      if (part instanceof Uint8Array) {
        this.#byte(1);
        for (const byte of part) this.#byte(byte);
      } else {
        const text = String(part);
        this.#byte(2);
        for (let at = 0; at < text.length; at += 1) this.#byte(text.charCodeAt(at));
      }
    }
    this.#byte(3);
  }

  digest(): string {
    return (this.#high >>> 0).toString(16).padStart(8, "0") + (this.#low >>> 0).toString(16).padStart(8, "0");
  }

  #byte(value: number): void {
    this.#high = Math.imul(this.#high ^ value, 0x01000193);
    this.#low = Math.imul(this.#low ^ (value + (this.#high >>> 15)), 0x5bd1e995);
  }
}
