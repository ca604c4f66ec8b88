import { wrap } from '../io/table.ts';
import { COMMANDS, GROUPS, type CommandName, type Declaration } from './commands.ts';
import { argumentOf, FILE_KEYS, FLAGS, type Flag } from './flags.ts';
import { SETTINGS, type Setting } from './settings.ts';

export const PROGRAM = 'sigma-admission';

/** The same on every terminal, so that help is one text. */
const COLUMNS = 110;

/** A term, and what it means: a line break in it stays. */
type Row = readonly [string, string];

const ALL = Object.entries<Declaration>(COMMANDS) as [CommandName, Declaration][];
const HELP: Row = ['-h, --help', 'print this'];
const HELP_COMMAND: Row = ['help [command]', 'print help for a command, with what it can be told'];

/** What `sigma-admission --help` prints. */
export function programHelp(): string {
  const words = [...new Set(ALL.map(([name]) => name.split(' ')[0] ?? ''))];
  const groups = words.filter((word) => Object.hasOwn(GROUPS, word));
  const commands = ALL.filter(([name]) => !name.includes(' '));
  return page({
    usage: `${PROGRAM} [options] [command]`,
    summary: 'Sigma detection rules for Kubernetes audit logs, enforced before the fact.',
    options: [['-V, --version', 'print the version'], HELP],
    commands: [
      ...commands.map(rowOf),
      ...groups.map((word): Row => [word, GROUPS[word] ?? '']),
      HELP_COMMAND,
    ],
    notes: ['', 'Examples:', ...ALL.flatMap(([, { examples }]) => examples.slice(0, 1).map(indented))],
  });
}

/** What `sigma-admission rules --help` prints. */
export function groupHelp(group: string): string {
  const commands = ALL.filter(([name]) => name.startsWith(`${group} `));
  return page({
    usage: `${PROGRAM} ${group} [options] [command]`,
    summary: GROUPS[group] ?? '',
    options: [HELP],
    commands: [...commands.map(rowOf), HELP_COMMAND],
  });
}

/** What `sigma-admission rules check --help` prints. */
export function commandHelp(name: CommandName): string {
  const { summary, settings, examples, notes = [] }: Declaration = COMMANDS[name];
  const argument = argumentOf(settings);
  const flags = FLAGS.filter(({ key }) => key === 'configFile' || settings.includes(key));
  const onlyInFile = settings.filter(
    (key) => key !== argument?.key && FLAGS.every((flag) => flag.key !== key),
  );
  return page({
    usage: [PROGRAM, name, syntaxOf(settings)].join(' '),
    summary,
    arguments: argument === undefined ? [] : [[argument.name, SETTINGS[argument.key].help]],
    options: [...flags.map((flag): Row => [flag.syntax, describe(flag)]), HELP],
    notes: [
      ...(notes.length === 0 ? [] : ['', ...notes]),
      '',
      'In brackets: the environment variable, where commas separate a list but within double quotes ("CN=jane,O=dev"),',
      'and the key in the file.',
      'A flag wins over its variable, that over the file, that over the default.',
      ...(onlyInFile.length === 0 ? [] : ['', 'Only the file can say, the most specific wins:']),
      ...onlyInFile.map((key) => `  ${key}: ${SETTINGS[key].help}`),
      '',
      'Examples:',
      ...examples.map(indented),
    ],
  });
}

function rowOf([name, { summary, settings }]: [CommandName, Declaration]): Row {
  return [`${name.split(' ').at(-1)} ${syntaxOf(settings)}`, summary];
}

function syntaxOf(settings: Declaration['settings']): string {
  const argument = argumentOf(settings);
  return argument === undefined ? '[options]' : `[options] ${argument.syntax}`;
}

function describe({ key, variable, isSwitch }: Flag): string {
  const { help, default: fallback = [] }: Setting = SETTINGS[key];
  const names = FILE_KEYS.includes(key) ? `${variable}, ${key}` : variable;
  const otherwise = isSwitch ? '' : [fallback].flat().join(', ');
  return `${help}\n(${names}${otherwise === '' ? '' : `; default ${otherwise}`})`;
}

function indented(text: string): string {
  return `  ${text}`;
}

interface Page {
  readonly usage: string;
  readonly summary: string;
  readonly arguments?: readonly Row[];
  readonly options: readonly Row[];
  readonly commands?: readonly Row[];
  readonly notes?: readonly string[];
}

function page({
  usage,
  summary,
  arguments: operands = [],
  options,
  commands = [],
  notes = [],
}: Page): string {
  const sections: [string, readonly Row[]][] = [
    ['Arguments', operands],
    ['Options', options],
    ['Commands', commands],
  ];
  const width = Math.max(...sections.flatMap(([, rows]) => rows.map(([term]) => term.length)));
  const lines = sections.flatMap(([heading, rows]) =>
    rows.length === 0 ? [] : ['', `${heading}:`, ...rows.flatMap((row) => rowLines(row, width))],
  );
  return `${[`Usage: ${usage}`, '', ...wrap(summary, COLUMNS), ...lines, ...notes].join('\n')}\n`;
}

function rowLines([term, text]: Row, width: number): readonly string[] {
  const lines = text.split('\n').flatMap((line) => wrap(line, COLUMNS - width - 4));
  return lines.map((line, at) => `  ${(at === 0 ? term : '').padEnd(width)}  ${line}`);
}
