import type { LogFile } from '../../io/input-files.ts';
import { megabytes } from '../../io/text.ts';

/** What is shown while logs are read. `bytes` are as they are on disk; there is no end to what is read from a pipe. */
export function progressLine(
  files: readonly LogFile[],
): (bytes: number, matched: number, elapsedMs: number) => string {
  const total = files.reduce((sum, { size = NaN }) => sum + size, 0);
  return (bytes, matched, elapsedMs) => {
    const of = total > 0 ? ` of ${megabytes(total)} (${Math.floor((100 * bytes) / total)} %)` : '';
    const rate = ((bytes / elapsedMs) * 1000) / 1e6;
    return `${megabytes(bytes)}${of}, ${rate.toFixed(0)} MB/s, ${matched} requests matched`;
  };
}
