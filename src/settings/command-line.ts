import { escapeUnseen } from '../io/text.ts';
import { COMMANDS, GROUPS, type CommandName, type Declaration } from './commands.ts';
import { didYouMean } from '../io/did-you-mean.ts';
import { commandHelp, groupHelp, PROGRAM, programHelp } from './help.ts';
import { readSettings, type Sources } from './read-settings.ts';

/** The command with its config, deeply frozen; or a text to print: help, the version, or every problem. */
export type CommandLine =
  | {
      readonly [Name in CommandName]: {
        readonly command: Name;
        readonly config: ReturnType<(typeof COMMANDS)[Name]['config']>;
      };
    }[CommandName]
  | { readonly command: 'print'; readonly text: string; readonly exitCode: 0 | 2 };

/** The environment of the process. */
export interface Surroundings extends Omit<Sources, 'argv'> {
  /** package.json's. */
  readonly version: string;
}

const NAMES = Object.keys(COMMANDS) as readonly CommandName[];
const HELP: readonly string[] = ['-h', '--help'];
const VERSION: readonly string[] = ['-V', '--version'];

/** Reads the command line, without node and script. */
export function parseCommandLine(argv: readonly string[], surroundings: Surroundings): CommandLine {
  const name = NAMES.find((each) => each.split(' ').every((word, at) => word === argv[at]));
  if (name !== undefined) return commandLine(name, argv.slice(name.split(' ').length), surroundings);
  const [group] = argv.slice(0, 1).filter((word) => Object.hasOwn(GROUPS, word));
  const [word, ...others] = group === undefined ? argv : argv.slice(1);
  const text = group === undefined ? programHelp() : groupHelp(group);
  if (word === undefined) return { command: 'print', text, exitCode: 2 };
  if (VERSION.includes(word)) return printed(`${surroundings.version}\n`);
  if (HELP.includes(word) || (word === 'help' && others.length === 0)) return printed(text);
  const before = group === undefined ? [] : [group];
  if (word === 'help') return parseCommandLine([...before, ...others, '--help'], surroundings);
  const known = NAMES.map((each) => each.split(' ')).filter(
    ([first]) => group === undefined || first === group,
  );
  const problem = word.startsWith('-')
    ? `unknown option "${word}"${didYouMean(word, ['--help', '--version'], '--')}`
    : `unknown command "${word}"${didYouMean(word, ['help', ...known.map((words) => words[before.length] ?? '')])}`;
  return refused([PROGRAM, ...before].join(' '), [problem]);
}

function commandLine(
  name: CommandName,
  argv: readonly string[],
  { version, ...surroundings }: Surroundings,
): CommandLine {
  const end = argv.indexOf('--');
  const flags = end < 0 ? argv : argv.slice(0, end);
  if (flags.some((flag) => HELP.includes(flag))) return printed(commandHelp(name));
  if (flags.some((flag) => VERSION.includes(flag))) return printed(`${version}\n`);
  const { settings, config }: Declaration = COMMANDS[name];
  const { values, problems } = readSettings(settings, { argv, ...surroundings });
  if (problems.length > 0) return refused(`${PROGRAM} ${name}`, problems);
  return { command: name, config: frozen(config(values)) } as CommandLine;
}

function printed(text: string): CommandLine {
  return { command: 'print', text, exitCode: 0 };
}

function refused(command: string, problems: readonly string[]): CommandLine {
  const lines = [
    ...problems.map((problem) => `${command}: ${escapeUnseen(problem)}`),
    `See ${command} --help.`,
  ];
  return { command: 'print', text: `${lines.join('\n')}\n`, exitCode: 2 };
}

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(frozen);
  return Object.freeze(value);
}
