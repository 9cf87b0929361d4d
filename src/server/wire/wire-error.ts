/** The error of bytes that are not the protobuf message that they should be. */

export class WireError extends Error {
  override readonly name = "WireError";
  /** Where in the message the reader stood. */
  readonly offset: number;

  constructor(text: string, offset: number) {
    super(`proto: cannot parse invalid wire-format data: ${text} at offset ${offset}`);
    this.offset = offset;
  }
}
