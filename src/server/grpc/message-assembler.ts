/**
 * Puts the messages of a call together while their frames arrive. grpc-js keeps the frames and joins them at the end: 64 MiB copied in one
 * go into memory that was never touched, which holds up the event loop for 40 ms and more. Here each frame is copied when it comes.
 *
 *     u8 is compressed | u32 length, big-endian | message        (what `write` gives has this head, as grpc-js wants it)
 *
 * Always true:
 *  - a message has memory of its own, all of it at once only when a part of it has come: a length alone takes little;
 *  - after `write` has thrown the call is over.
 *
 * Not here: taking the place of grpc-js's decoder (`injector.ts`).
 */

const HEAD_BYTES = 5;
/** So much at first, whatever length is announced; then everything. */
const FIRST_BYTES = 2 * 1024 * 1024;

export class MessageAssembler {
  readonly #maximumBytes: number;
  readonly #head = Buffer.alloc(HEAD_BYTES);
  #headFilled = 0;
  #message: Buffer | null = null;
  #totalBytes = 0;
  #filled = 0;

  /** -1: no limit. */
  constructor(maximumBytes: number) {
    this.#maximumBytes = maximumBytes;
  }

  /** The messages that end in `data`, each behind its head. */
  write(data: Buffer): Buffer[] {
    const messages: Buffer[] = [];
    for (let at = 0; at < data.length;) {
      if (this.#message === null) {
        const taken = data.copy(this.#head, this.#headFilled, at, at + HEAD_BYTES - this.#headFilled);
        this.#headFilled += taken;
        at += taken;
        if (this.#headFilled < HEAD_BYTES) break;
        this.#begin();
      } else {
        const taken = Math.min(data.length - at, this.#totalBytes - this.#filled);
        this.#room(this.#filled + taken);
        this.#filled += data.copy(this.#message, this.#filled, at, at + taken);
        at += taken;
      }
      if (this.#message !== null && this.#filled === this.#totalBytes) {
        messages.push(this.#message);
        this.#message = null;
      }
    }
    return messages;
  }

  #begin(): void {
    const size = this.#head.readUInt32BE(1);
    if (this.#maximumBytes !== -1 && size > this.#maximumBytes) {
      throw new Error(`Received message larger than max (${size} vs ${this.#maximumBytes})`);
    }
    this.#totalBytes = HEAD_BYTES + size;
    this.#message = Buffer.allocUnsafeSlow(Math.min(this.#totalBytes, FIRST_BYTES));
    this.#filled = this.#head.copy(this.#message);
    this.#headFilled = 0;
  }

  #room(needed: number): void {
    if (needed <= this.#message!.length) return;
    const whole = Buffer.allocUnsafeSlow(this.#totalBytes);
    this.#message!.copy(whole, 0, 0, this.#filled);
    this.#message = whole;
  }
}
