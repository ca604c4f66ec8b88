/** Which log a rule is written for. An absent part means any; `definition` is prose and ignored. */
export interface LogSource {
  readonly category?: string;
  readonly product?: string;
  readonly service?: string;
}
