/**
 * The one thing that grpc-js does with an answer is to ask for its length and copy it behind a five-byte frame header. An answer in
 * several pieces can do that as well as a `Buffer`, so columns are copied once and not twice; large answers
 * are not copied at all (`injector.ts`).
 */

export class Pieces {
  readonly byteLength: number;
  readonly #pieces: readonly Uint8Array[];

  constructor(pieces: readonly Uint8Array[]) {
    this.#pieces = pieces;
    this.byteLength = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
  }

  copy(target: Uint8Array, at: number): number {
    let end = at;
    for (const piece of this.#pieces) {
      target.set(piece, end);
      end += piece.byteLength;
    }
    return end - at;
  }
}

/** A serializer for grpc-js. */
export function frameBody(answer: Uint8Array | readonly Uint8Array[]): Buffer {
  if (answer instanceof Uint8Array) return Buffer.from(answer.buffer, answer.byteOffset, answer.byteLength);
  return new Pieces(answer) as unknown as Buffer;
}
