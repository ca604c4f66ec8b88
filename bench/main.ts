import { parseArgs } from 'node:util';
import { apiServerFigures } from './api-server.ts';
import { engineFigures } from './engine.ts';
import type { Bench, Figure } from './figure.ts';
import { provenanceMemoryFigures, provenanceServerFigures, provenanceWorstFigures } from './provenance.ts';
import { innocentFigures } from './innocent.ts';
import { replayFigures } from './replay.ts';
import { rolloutFigures } from './rollout.ts';
import { scanFigures } from './scan.ts';
import { serverFigures } from './server.ts';
import { worstFigures } from './worst.ts';

/** Each bench under the prefix its figures begin with. */
const BENCHES: Readonly<Record<string, Bench>> = {
  'engine.': engineFigures,
  'server.': serverFigures,
  'server.worst.': worstFigures,
  'api.': apiServerFigures,
  'api.innocent.': innocentFigures,
  'replay.': replayFigures,
  'provenance.bytes.': provenanceMemoryFigures,
  'provenance.worst.': provenanceWorstFigures,
  'provenance.server.': provenanceServerFigures,
  'provenance.scan.': scanFigures,
  'rollout.': rolloutFigures,
};

const HELP = `npm run bench [-- --only PREFIX] [-- --json]

Measures, prints and fails nothing. --only engine. runs the figures that begin so; --json prints one line a figure.
`;

const { values } = parseArgs({
  options: { only: { type: 'string', default: '' }, json: { type: 'boolean' }, help: { type: 'boolean' } },
});
if (values.help === true) process.stdout.write(HELP);
else await run();

async function run(): Promise<void> {
  // `server.worst.` is asked of its own bench alone, `server.rss` of that of `server.`.
  const [nearest] = Object.keys(BENCHES)
    .filter((prefix) => values.only.startsWith(prefix))
    .toSorted((one, other) => other.length - one.length);
  for (const [prefix, bench] of Object.entries(BENCHES)) {
    if (!prefix.startsWith(values.only) && prefix !== nearest) continue;
    for await (const figure of bench()) {
      if (!figure.figure.startsWith(values.only)) continue;
      process.stdout.write(`${values.json === true ? JSON.stringify(figure) : row(figure)}\n`);
    }
  }
}

function row({ figure, value, unit, low, high, target = '' }: Figure): string {
  const [shown, lowest, highest] = [value, low, high].map((number) => number.toPrecision(3));
  return `${figure.padEnd(32)} ${shown?.padStart(9)} ${unit.padEnd(18)} ${`${lowest} – ${highest}`.padEnd(22)} ${target}`.trimEnd();
}
