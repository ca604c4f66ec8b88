import fc from 'fast-check';
import { anyText, mutatedText } from '../mutations.ts';
import { kept } from '../seeds.ts';
import { parseCommandLine } from '../src.ts';
import { expect, expectCleanPrototypes, expectPrintable, type Target } from '../target.ts';

interface Told {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly file: string;
}

/** What help says that there is. */
const HELP = [
  'serve',
  'replay',
  'scan',
  'rules check',
  'rules list',
  'rules test',
  'allowlist suggest',
  'install check',
];
const texts = HELP.map((command) => {
  const asked = parseCommandLine([...command.split(' '), '--help'], surroundings({}, ''));
  return asked.command === 'print' ? asked.text : '';
}).join('\n');
const FLAGS = [...new Set(texts.match(/--[a-z][a-z-]*/g))];
const VARIABLES = [...new Set(texts.match(/SIGMA_ADMISSION_[A-Z_]+/g))];
const VALUES = [
  ...[
    '',
    '-',
    'a',
    'enforce',
    'warn',
    'audit',
    'high',
    '0',
    '8443',
    '-1',
    '65536',
    '1e3',
    '15s',
    '1ns',
    'true',
    'a,b',
    ',',
  ],
  ...[
    '=',
    'a=b',
    'high=enforce',
    '00000000-0000-4000-8000-000000000000=warn',
    '2026-11-24T08:00:00Z',
    '::',
    'ns/name',
  ],
  ...[
    '\0',
    '\u001b[2J',
    '\u202e',
    '😀',
    '\n',
    '--',
    '__proto__',
    'constructor',
    'x'.repeat(3000),
    'tcp://10.0.0.1:443',
  ],
];
const KEPT = kept('configuration');

const word = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...FLAGS) },
  { weight: 4, arbitrary: fc.constantFrom(...VALUES) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom(...FLAGS), fc.constantFrom(...VALUES)).map((two) => two.join('=')),
  },
  { weight: 1, arbitrary: anyText(12) },
);

/** Any flags, environment and file: a configuration, or a text that says what is wrong. */
export const commandLine: Target<Told> = {
  name: 'command-line',
  arbitrary: fc.record({
    argv: fc
      .tuple(
        fc.constantFrom(...HELP.map((command) => command.split(' ')), []),
        fc.array(word, { maxLength: 8 }),
        fc.constantFrom([], ['--config', 'config.yaml']),
      )
      .map((words) => words.flat()),
    env: fc.dictionary(
      fc.constantFrom(...VARIABLES, 'SIGMA_ADMISSION_NOTHING', 'PATH'),
      fc.constantFrom(...VALUES),
      {
        maxKeys: 3,
        noNullPrototype: true,
      },
    ),
    file: mutatedText(KEPT),
  }),
  known: KEPT.map((file) => ({ argv: ['serve', '--config', 'config.yaml'], env: {}, file })),
  check({ argv, env, file }) {
    const asked = parseCommandLine(argv, surroundings(env, file));
    expectCleanPrototypes();
    if (asked.command === 'print') {
      expect(asked.text !== '', 'nothing is said');
      expectPrintable(asked.text, true);
    } else expect(Object.isFrozen(asked.config), 'a configuration that can be changed');
  },
};

function surroundings(env: Told['env'], file: string) {
  return { env, readFile: () => file, version: '0.0.0' };
}
