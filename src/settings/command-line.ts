import { Argument, Command, CommanderError, Option } from 'commander';
import { loadAll, YAMLException } from 'js-yaml';
import { COMMANDS, type Declaration } from './commands.ts';
import { SETTINGS, type Key, type Setting, type Values } from './settings.ts';

type CommandName = keyof typeof COMMANDS;

/** What is asked for: a command with its config, frozen all the way down, or a text: help, the version, every problem. */
export type CommandLine =
  | {
      readonly [Name in CommandName]: {
        readonly command: Name;
        readonly config: ReturnType<(typeof COMMANDS)[Name]['config']>;
      };
    }[CommandName]
  | { readonly command: 'print'; readonly text: string; readonly exitCode: 0 | 2 };

/** What the process hands in. `readFile` gives a file's text or throws; `version` is package.json's. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readFile: (path: string) => string;
  readonly version: string;
}

const PROGRAM = 'sigma-admission';
const PREFIX = 'SIGMA_ADMISSION_';
/** The same on every terminal, so that help is one text. */
const HELP_COLUMNS = 110;

interface Flag {
  readonly key: Key;
  /** As commander reads it: `--rules <DIR...>`. */
  readonly syntax: string;
  /** Without dashes. */
  readonly name: string;
  /** Where commander keeps its values. */
  readonly attribute: string;
  readonly variable: string;
  readonly isList: boolean;
  /** It says yes by being there: `--strict`. */
  readonly isSwitch: boolean;
}

const FLAGS: readonly Flag[] = Object.entries<Setting>(SETTINGS).flatMap(([key, { flag: syntax }]) => {
  if (syntax === undefined) return [];
  const option = declaredOption(syntax);
  const [name, attribute, isList] = [option.name(), option.attributeName(), option.variadic];
  const isSwitch = option.isBoolean();
  return [{ key: key as Key, syntax, name, attribute, variable: variableOf(name), isList, isSwitch }];
});

/** Commander would take `--no-…` for the contrary of a flag without `no`; ours are what they are called. */
function declaredOption(syntax: string, help?: string): Option {
  return Object.assign(new Option(syntax, help), { negate: false });
}

/** A file does not name another file, and is not for what one call is about. */
const FILE_KEYS: readonly Key[] = (Object.keys(SETTINGS) as Key[]).filter((key) => {
  const { argument, onlyHere = false }: Setting = SETTINGS[key];
  return key !== 'configFile' && argument === undefined && !onlyHere;
});

/** What the commands that share a first word have in common. */
const GROUPS: Readonly<Record<string, string>> = {
  rules: 'Check, list, explain and test rules.',
  allowlist: 'Find what belongs on it.',
  install: 'Check an installation.',
};

/**
 * Reads the command line (without node and script), the environment, and the file either of them names. A flag wins over
 * its variable, that over the file, that over the default; what loses must be right, too.
 */
export function parseCommandLine(argv: readonly string[], surroundings: Surroundings): CommandLine {
  let asked: CommandLine | undefined;
  let output = '';
  const program = programWriting((text) => {
    output += text;
  }, surroundings.version);
  for (const name of Object.keys(COMMANDS) as CommandName[]) {
    const command = declare(program, name);
    command.action(() => {
      asked = commandLine(name, command, surroundings);
    });
  }
  try {
    program.parse(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const [, problem] = /^error: (.*)$/s.exec(error.message) ?? [];
    if (problem !== undefined) return refused(PROGRAM, [problem.replace('\n(D', ' (d').replaceAll("'", '"')]);
    return { command: 'print', text: output, exitCode: error.exitCode === 0 ? 0 : 2 };
  }
  if (asked === undefined) throw new TypeError('every command has an action');
  return asked;
}

function programWriting(write: (text: string) => void, version: string): Command {
  const examples = Object.values<Declaration>(COMMANDS).flatMap(({ examples: [first] }) => `  ${first}`);
  return (
    new Command(PROGRAM)
      .version(version, '-V, --version', 'print the version')
      .description('Sigma detection rules for Kubernetes audit logs, enforced before the fact.')
      .helpOption('-h, --help', 'print this')
      .helpCommand('help [command]', 'print help for a command, with what it can be told')
      .addHelpText('after', ['\nExamples:', ...examples].join('\n'))
      // Commander would add how it was made to take a flag without a value (see declareFlag).
      .configureHelp({ optionDescription: ({ description }) => description })
      .configureOutput({
        writeOut: write,
        writeErr: write,
        getOutHelpWidth: () => HELP_COLUMNS,
        getErrHelpWidth: () => HELP_COLUMNS,
        getOutHasColors: () => false,
        getErrHasColors: () => false,
      })
      .exitOverride()
  );
}

/** `rules check` becomes the command `check` of the command `rules`. */
function declare(program: Command, name: CommandName): Command {
  const { summary, settings, examples, notes: others = [] }: Declaration = COMMANDS[name];
  const command = name
    .split(' ')
    .reduce(
      (parent, word) =>
        parent.commands.find((it) => it.name() === word) ??
        parent.command(word).description(GROUPS[word] ?? ''),
      program,
    );
  const argument = argumentOf(settings);
  if (argument !== undefined) command.addArgument(declaredArgument(argument));
  for (const flag of FLAGS.filter(({ key }) => withFile(settings).includes(key))) declareFlag(command, flag);
  const onlyInFile = settings.filter((key) => FLAGS.every((flag) => flag.key !== key) && key !== argument);
  const notes = [
    ...(others.length === 0 ? [] : ['', ...others]),
    '\nIn brackets: the environment variable, where commas separate a list, and the key in the file.',
    'A flag wins over its variable, that over the file, that over the default.',
    ...(onlyInFile.length === 0 ? [] : ['\nOnly the file can say, the most specific wins:']),
    ...onlyInFile.map((key) => `  ${key}: ${SETTINGS[key].help}`),
    '\nExamples:',
    ...examples.map((example) => `  ${example}`),
  ];
  return command
    .description(summary)
    .addHelpText('after', notes.join('\n'))
    .allowUnknownOption()
    .allowExcessArguments();
}

/** The setting that stands on the command line without a flag. */
function argumentOf(settings: readonly Key[]): Key | undefined {
  return settings.find((key) => (SETTINGS[key] as Setting).argument !== undefined);
}

function declaredArgument(key: Key): Argument {
  const { argument = '', help }: Setting = SETTINGS[key];
  return new Argument(argument, help);
}

/**
 * Commander stops at the first problem. So it is made to take any text as a value, none too, and whatever it does not
 * know; what is wrong with that is for us to say, all of it.
 */
function declareFlag(command: Command, { key, syntax, variable, isSwitch }: Flag): void {
  const { help, default: fallback = [] }: Setting = SETTINGS[key];
  const names = FILE_KEYS.includes(key) ? `${variable}, ${key}` : variable;
  const otherwise = isSwitch ? '' : [fallback].flat().join(', ');
  const option = declaredOption(
    syntax,
    `${help}\n(${names}${otherwise === '' ? '' : `; default ${otherwise}`})`,
  );
  option.required = false;
  option.optional = !isSwitch;
  option.preset('').argParser((text, before: readonly string[] = []) => [...before, text]);
  command.addOption(option);
}

/** Every command takes `--config`. */
function withFile(settings: readonly Key[]): readonly Key[] {
  return [...settings, 'configFile'];
}

/** What a user said about a setting, and where: `--port`, `SIGMA_ADMISSION_PORT`, `config.yaml: port`. */
interface Said {
  readonly key: Key;
  readonly from: string;
  readonly value: unknown;
}

function commandLine(name: CommandName, command: Command, { env, readFile }: Surroundings): CommandLine {
  const problems: string[] = [];
  const { settings, config }: Declaration = COMMANDS[name];
  const said = [
    ...fromArguments(command, argumentOf(settings), problems),
    ...fromFlags(command, problems),
    ...fromEnvironment(env, problems),
  ];
  const file = said.find(({ key, value }) => key === 'configFile' && value !== '');
  if (file !== undefined) said.push(...fromFile(file, readFile, problems));
  const { configFile: _, ...values } = settle(withFile(settings), said, problems);
  if (problems.length > 0) return refused(`${PROGRAM} ${name}`, problems);
  return { command: name, config: frozen(config(values)) } as CommandLine;
}

function fromFlags(command: Command, problems: string[]): Said[] {
  return FLAGS.flatMap(({ key, name, attribute, isList }): Said[] => {
    const texts: readonly string[] = command.getOptionValue(attribute) ?? [];
    const from = `--${name}`;
    if (isList && texts.length > 0) return [{ key, from, value: texts }];
    const different = [...new Set(texts)];
    if (different.length > 1)
      problems.push(`${from}: expected one value, got ${different.map(shown).join(', ')}`);
    return different.map((value) => ({ key, from, value }));
  });
}

/** `-` alone is standard input. */
function isFlag(argument: string): boolean {
  return argument.startsWith('-') && argument !== '-';
}

/** What follows an unknown flag is most likely its value, and no problem of its own. */
function fromArguments({ args, options }: Command, key: Key | undefined, problems: string[]): Said[] {
  const flags = ['help', ...options.map((option) => option.name())];
  const operands: string[] = [];
  for (const [index, argument] of args.entries()) {
    const [name = ''] = argument.split('=');
    const before = args[index - 1] ?? '';
    if (isFlag(name)) problems.push(`${name}: unknown flag${didYouMean(name, flags, '--')}`);
    else if (!isFlag(before) || before.includes('=')) operands.push(argument);
  }
  const argument = key === undefined ? undefined : declaredArgument(key);
  const unexpected = operands.slice(argument === undefined ? 0 : argument.variadic ? Infinity : 1);
  problems.push(...unexpected.map((operand) => `unexpected argument ${shown(operand)}`));
  if (key === undefined || argument === undefined || operands.length === 0) return [];
  return [{ key, from: argument.name(), value: argument.variadic ? operands : operands[0] }];
}

function fromEnvironment(env: Surroundings['env'], problems: string[]): Said[] {
  return Object.entries(env).flatMap(([from, text = '']) => {
    // Empty is unset: a template cannot always leave a variable out.
    if (!from.startsWith(PREFIX) || text === '' || isServiceLink(from, text)) return [];
    // Commands may give one flag different values; each reads its own.
    const flags = FLAGS.filter(({ variable }) => variable === from);
    if (flags.length > 0)
      return flags.map(({ key, isList }) => ({ key, from, value: isList ? text.split(/\s*,\s*/) : text }));
    const variables = FLAGS.map(({ variable }) => variable);
    problems.push(`${from}: unknown variable${didYouMean(from, variables, PREFIX)}`);
    return [];
  });
}

/**
 * Kubernetes tells a pod of every Service in its namespace: one called sigma-admission gives
 * `SIGMA_ADMISSION_PORT=tcp://10.96.0.7:443`, which is not about `--port`.
 */
function isServiceLink(variable: string, text: string): boolean {
  return /^(tcp|udp|sctp):\/\//.test(text) || /_SERVICE_(HOST|PORT)|_PORT_\d+_(TCP|UDP|SCTP)/.test(variable);
}

function fromFile(file: Said, readFile: Surroundings['readFile'], problems: string[]): Said[] {
  const path = String(file.value);
  const document = yamlMap(path, file.from, readFile, problems);
  return Object.entries(document).flatMap(([found, value]) => {
    const key = FILE_KEYS.find((known) => known === found);
    // A key whose values are all commented out is null.
    if (key !== undefined) return value === null ? [] : [{ key, from: `${path}: ${key}`, value }];
    const namesake = FILE_KEYS.find((known) =>
      FLAGS.some((flag) => flag.key === known && flag.name === found),
    );
    const guess = namesake === undefined ? didYouMean(found, FILE_KEYS) : ` (did you mean ${namesake}?)`;
    problems.push(`${path}: ${found}: unknown key${guess}`);
    return [];
  });
}

function yamlMap(path: string, from: string, readFile: Surroundings['readFile'], problems: string[]): object {
  try {
    const [document = {}, ...more] = loadAll(readFile(path));
    if (typeof document === 'object' && document !== null && !Array.isArray(document) && more.length === 0) {
      return document;
    }
    problems.push(`${path}: expected one map of settings, got ${more.length > 0 ? 'more' : shown(document)}`);
  } catch (error) {
    if (error instanceof YAMLException) {
      const line = error.mark === undefined ? '' : `:${error.mark.line + 1}`;
      problems.push(`${path}${line}: ${error.reason}`);
    } else {
      problems.push(`${from}: cannot read it: ${(error as Error).message}`);
    }
  }
  return {};
}

/** Reads everything that was said, so that every problem shows. What was said first wins, and anything over a default. */
function settle(settings: readonly Key[], said: readonly Said[], problems: string[]): Values {
  const defaults = settings.flatMap((key) => {
    const { default: value }: Setting = SETTINGS[key];
    return value === undefined ? [] : [{ key, from: `the default of ${key}`, value }];
  });
  const settled = new Map<Key, Said>();
  for (const { key, from, value } of [...said, ...defaults]) {
    if (!settings.includes(key)) continue;
    const read = SETTINGS[key].read(value, (expected, found, at = '') => {
      problems.push(`${from}${at}: expected ${expected}, got ${shown(found)}`);
      return undefined;
    });
    if (read !== undefined && !settled.has(key)) settled.set(key, { key, from, value: read });
  }
  refuseOnePort(settled.get('port'), settled.get('metricsPort'), problems);
  refuseHalfCertificate(settled.get('tlsCert'), settled.get('tlsKey'), problems);
  refuseTwoCertificates(settled.get('tlsCert'), settled.get('secret'), problems);
  refuseNamesAlone(settled.get('clientNames'), settled.get('clientCa'), problems);
  return Object.fromEntries([...settled].map(([key, { value }]) => [key, value])) as Values;
}

function refuseOnePort(reviews: Said | undefined, metrics: Said | undefined, problems: string[]): void {
  if (reviews === undefined || reviews.value === 0 || reviews.value !== metrics?.value) return;
  problems.push(`${reviews.from}: expected another port than ${metrics?.from}, got ${shown(reviews.value)}`);
}

function refuseHalfCertificate(
  certificate: Said | undefined,
  key: Said | undefined,
  problems: string[],
): void {
  if (certificate !== undefined && key === undefined)
    problems.push(`${certificate.from}: expected --tls-key too`);
  if (certificate === undefined && key !== undefined) problems.push(`${key.from}: expected --tls-cert too`);
}

function refuseTwoCertificates(
  certificate: Said | undefined,
  secret: Said | undefined,
  problems: string[],
): void {
  if (certificate === undefined || secret === undefined) return;
  problems.push(`${secret.from}: expected either this or ${certificate.from}, got both`);
}

/** A name proves nothing that nobody vouches for. */
function refuseNamesAlone(names: Said | undefined, authority: Said | undefined, problems: string[]): void {
  if (names === undefined || authority !== undefined) return;
  problems.push(`${names.from}: expected --client-ca too`);
}

function variableOf(flag: string): string {
  return PREFIX + flag.toUpperCase().replaceAll('-', '_');
}

/** Commander's guess, so that flags, variables and keys are corrected alike. */
function didYouMean(word: string, known: readonly string[], prefix = ''): string {
  const guesser = new Command()
    .helpOption(false)
    .configureOutput({ writeErr: () => {} })
    .exitOverride();
  for (const name of new Set(known)) guesser.option(`--${name.replace(prefix, '')}`);
  try {
    guesser.parse([`--${word.replace(prefix, '')}`], { from: 'user' });
  } catch (error) {
    const [, guess] = /Did you mean (.*)\?/.exec((error as Error).message) ?? [];
    if (guess !== undefined) return ` (did you mean ${guess.replaceAll('--', prefix)}?)`;
  }
  return '';
}

function refused(who: string, problems: readonly string[]): CommandLine {
  const lines = [...problems.map((problem) => `${who}: ${problem}`), `See ${who} --help.`];
  return { command: 'print', text: `${lines.join('\n')}\n`, exitCode: 2 };
}

/** What stood where something else was expected, short enough for a message. */
function shown(value: unknown): string {
  if (value === '') return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a map';
  return JSON.stringify(typeof value === 'string' ? value.slice(0, 64) : value);
}

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(frozen);
  return Object.freeze(value);
}
