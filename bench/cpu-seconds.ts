import { readFileSync } from 'node:fs';

/** User and system time a process has used. proc(5) counts it in ticks of 10 ms. */
export function cpuSeconds(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
