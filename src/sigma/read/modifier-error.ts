/** Thrown while one value is read; it becomes a problem at that value. */
export class ModifierError extends Error {
  override readonly name = 'ModifierError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
