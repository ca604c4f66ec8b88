import fc from 'fast-check';
import { dump } from 'js-yaml';
import { mutatedBytes, mutatedJson } from '../mutations.ts';
import { jsonAmong, kept, others, ours } from '../seeds.ts';
import { createOutput, scan } from '../src.ts';
import { expect, expectCleanPrototypes, expectPrintable, type Target } from '../target.ts';
import { RULE_SOURCE } from '../webhook.ts';
import { createSink } from './logs.ts';

const KEPT = kept('objects');
const YAML = [...KEPT, ...others('pods/badpods', '.yaml')];
const JSONS = jsonAmong([
  ...KEPT,
  ...others('pods/minikube', '.json'),
  ...ours('examples', '.json').map((review) =>
    JSON.stringify((JSON.parse(review) as { request: { object: unknown } }).request.object),
  ),
]);

interface Objects {
  readonly input: Buffer;
  readonly format: 'text' | 'json';
  /** How many objects it was made of. */
  readonly count: number;
}

const value = mutatedJson(JSONS);
const one = (bytes: Buffer) => ({ input: bytes, count: 1 });
const input = fc.oneof(
  { weight: 2, arbitrary: value.map((object) => one(Buffer.from(JSON.stringify(object)))) },
  { weight: 2, arbitrary: value.map((object) => one(Buffer.from(dump(object, { skipInvalid: true })))) },
  { weight: 2, arbitrary: mutatedBytes([...YAML, ...JSONS]).map(one) },
  {
    weight: 4,
    arbitrary: fc.array(value, { minLength: 1, maxLength: 40, size: 'max' }).map((items) => ({
      input: Buffer.from(JSON.stringify({ kind: 'List', apiVersion: 'v1', items })),
      count: items.length,
    })),
  },
);

/** Anything as a file of objects: judged, or reported as unreadable. */
export const objects: Target<Objects> = {
  name: 'objects',
  arbitrary: fc.tuple(input, fc.constantFrom('text', 'json')).map(([of, format]) => ({ ...of, format })),
  known: KEPT.map((text) => ({ input: Buffer.from(text), format: 'text', count: 1 })),
  async check({ input: bytes, format, count }) {
    const [out, err] = [createSink(), createSink()];
    const code = await scan(
      {
        objects: ['-'],
        onlyRules: [],
        format,
        modes: { default: 'warn', levels: {}, rules: {} },
        rulesDirs: [],
        filtersDirs: [],
        allowUsers: [],
        subresources: 'resource',
      },
      {
        stdin: pipe(bytes),
        stdout: createOutput(out.stream),
        stderr: err.stream,
        isTerminal: false,
        source: RULE_SOURCE,
        connect: () => Promise.reject(new Error('no cluster is asked')),
      },
    );
    expectCleanPrototypes();
    const unread = err
      .text()
      .split('\n')
      .filter((line) => line !== '' && !OF_RULES.test(line));
    expect((code === 2) === unread.length > 0, `exit code ${code}, and on standard error: ${err.text()}`);
    expectPrintable(err.text(), true);
    if (format === 'text') expectPrintable(out.text(), true);
    else JSON.parse(out.text());
    return count;
  },
};

/** A warning of a rule, which is no fault of the objects. */
const OF_RULES = /^item-\d+\.yml:/;

async function* pipe(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}
