import { parseArgs } from 'node:util';
import { loadAll, YAMLException } from 'js-yaml';
import { isObject } from '../kubernetes/as-object.ts';
import { didYouMean } from '../io/did-you-mean.ts';
import { argumentOf, FILE_KEYS, FLAGS, PREFIX, type Argument, type Flag } from './flags.ts';
import { SETTINGS, type Key, type Setting, type Values } from './settings.ts';

/** Where settings are said. */
export interface Sources {
  /** Flags and arguments, without the command. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Gives a file's text, or throws. */
  readonly readFile: (path: string) => string;
}

/** What was said, or everything that is wrong with it. */
export interface ReadSettings {
  /** Complete where there are no problems. */
  readonly values: Values;
  /** Where each was said: `--port`, `SIGMA_ADMISSION_PORT`, `config.yaml: port`, `the default of port`. */
  readonly from: ReadonlyMap<Key, string>;
  readonly problems: readonly string[];
}

/** What a user said about a setting, and where. */
interface Said {
  readonly key: Key;
  readonly from: string;
  readonly value: unknown;
}

/**
 * Reads the command line, the environment, and the file either of them names. A flag wins over its variable, that over the
 * file, that over the default; what loses must be right, too. Every command takes `--config`.
 */
export function readSettings(settings: readonly Key[], { argv, env, readFile }: Sources): ReadSettings {
  const keys: readonly Key[] = [...settings, 'configFile'];
  const problems: string[] = [];
  const said = [...fromArguments(argv, keys, problems), ...fromEnvironment(env, problems)];
  const file = said.find(({ key, value }) => key === 'configFile' && value !== '');
  if (file !== undefined) said.push(...fromFile(file, readFile, problems));
  const settled = settle(keys, said, problems);
  const asked = [...settled].filter(([key]) => settings.includes(key));
  const values = Object.fromEntries(asked.map(([key, { value }]) => [key, value]));
  return {
    values: values as unknown as Values,
    from: new Map([...settled].map(([key, { from }]) => [key, from])),
    problems,
  };
}

/** A flag, each time it stands there, with what follows it. Without any, it was given nothing. */
interface Occurrence {
  readonly flag: Flag;
  readonly values: string[];
}

/** A value does not begin with a dash, unless it is a number, or `-`: standard input. */
function fromArguments(argv: readonly string[], keys: readonly Key[], problems: string[]): readonly Said[] {
  const flags = FLAGS.filter(({ key }) => keys.includes(key));
  const operands: string[] = [];
  const occurrences: Occurrence[] = [];
  let [taker, room] = [operands, Infinity];
  const { tokens } = parseArgs({ args: [...argv], strict: false, allowPositionals: true, tokens: true });
  for (const [at, token] of tokens.entries()) {
    const written = argv[token.index] ?? '';
    // parseArgs takes `-10` for two flags of one letter each. No flag of ours has one letter.
    if (token.index === tokens[at - 1]?.index) continue;
    if (token.kind === 'positional' || /^-\d/.test(written)) {
      if (room === 0) [taker, room] = [operands, Infinity];
      taker.push(written);
      room -= 1;
      continue;
    }
    [taker, room] = [operands, Infinity];
    if (token.kind === 'option-terminator') continue;
    const [name = ''] = written.split('=');
    const flag = flags.find((known) => name === `--${known.name}`);
    const values = token.value === undefined ? [] : [token.value];
    if (flag === undefined) {
      const known = ['--help', ...flags.map((each) => `--${each.name}`)];
      problems.push(`${name}: unknown flag${didYouMean(name, known, '--')}`);
    } else {
      occurrences.push({ flag, values });
    }
    // What follows an unknown flag is most likely its value, and no problem of its own.
    if (token.value === undefined && flag?.isSwitch !== true)
      [taker, room] = [values, flag?.isList === true ? Infinity : 1];
  }
  return [...saidByArgument(operands, argumentOf(keys), problems), ...saidByFlags(occurrences, problems)];
}

function saidByArgument(
  operands: readonly string[],
  argument: Argument | undefined,
  problems: string[],
): readonly Said[] {
  const unexpected = operands.slice(argument === undefined ? 0 : argument.isList ? Infinity : 1);
  problems.push(...unexpected.map((operand) => `unexpected argument ${describeSetting(operand)}`));
  if (argument === undefined) return [];
  const { key, name: from, isRequired, isList } = argument;
  if (operands.length > 0) return [{ key, from, value: isList ? operands : operands[0] }];
  if (isRequired) problems.push(`missing required argument ${describeSetting(from)}`);
  return [];
}

function saidByFlags(occurrences: readonly Occurrence[], problems: string[]): readonly Said[] {
  const byFlag = Map.groupBy(occurrences, ({ flag }) => flag);
  return [...byFlag].flatMap(([{ key, name, isList }, each]): Said[] => {
    const from = `--${name}`;
    const texts = each.flatMap(({ values }) => (values.length === 0 ? [''] : values));
    if (isList) return [{ key, from, value: texts }];
    const different = [...new Set(texts)];
    if (different.length > 1)
      problems.push(`${from}: expected one value, got ${different.map(describeSetting).join(', ')}`);
    return different.map((value) => ({ key, from, value }));
  });
}

function fromEnvironment(env: Sources['env'], problems: string[]): Said[] {
  return Object.entries(env).flatMap(([from, text = '']) => {
    // Empty is unset: a template cannot always leave a variable out.
    if (!from.startsWith(PREFIX) || text === '' || isServiceLink(from, text)) return [];
    // Commands may give one flag different values; each reads its own.
    const flags = FLAGS.filter(({ variable }) => variable === from);
    if (flags.length > 0)
      return flags.map(({ key, isList }) => ({
        key,
        from,
        value: isList ? membersOf(text, from, problems) : text,
      }));
    const variables = FLAGS.map(({ variable }) => variable);
    problems.push(`${from}: unknown variable${didYouMean(from, variables, PREFIX)}`);
    return [];
  });
}

/**
 * Commas separate the members, but within double quotes: `"CN=jane,O=dev"` is one. A distinguished name without them would
 * be as many names as it has parts, each a user of its own.
 */
function membersOf(text: string, from: string, problems: string[]): readonly string[] {
  const members = text.split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/).map((member) => member.trim());
  if (members.length > 1 && members.some((member) => member.includes('=') && !member.startsWith('"')))
    problems.push(
      `${from}: expected a name with "=" in double quotes, or its commas separate, got ${describeSetting(text)}`,
    );
  return members.map((member) => member.replace(/^"(.*)"$/s, '$1'));
}

/**
 * Kubernetes tells a pod of every Service in its namespace: one called sigma-admission gives
 * `SIGMA_ADMISSION_PORT=tcp://10.96.0.7:443`, which is not about `--port`.
 */
function isServiceLink(variable: string, text: string): boolean {
  return /^(tcp|udp|sctp):\/\//.test(text) || /_SERVICE_(HOST|PORT)|_PORT_\d+_(TCP|UDP|SCTP)/.test(variable);
}

function fromFile(file: Said, readFile: Sources['readFile'], problems: string[]): Said[] {
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

/** Aliases multiply: a kilobyte of them can stand for gigabytes. No setting needs one, or more than two levels. */
const LIMITS = { maxAliases: 0, maxDepth: 8 };

function yamlMap(path: string, from: string, readFile: Sources['readFile'], problems: string[]): object {
  try {
    const [document = {}, ...more] = loadAll(readFile(path), LIMITS);
    if (isObject(document) && more.length === 0) return document;
    problems.push(
      `${path}: expected one map of settings, got ${more.length > 0 ? 'more' : describeSetting(document)}`,
    );
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
function settle(settings: readonly Key[], said: readonly Said[], problems: string[]): ReadonlyMap<Key, Said> {
  const defaults = settings.flatMap((key) => {
    const { default: value }: Setting = SETTINGS[key];
    return value === undefined ? [] : [{ key, from: `the default of ${key}`, value }];
  });
  const settled = new Map<Key, Said>();
  for (const { key, from, value } of [...said, ...defaults]) {
    if (!settings.includes(key)) continue;
    const read = SETTINGS[key].read(value, (expected, found, at = '') => {
      problems.push(`${from}${at}: expected ${expected}, got ${describeSetting(found)}`);
      return undefined;
    });
    if (read !== undefined && !settled.has(key)) settled.set(key, { key, from, value: read });
  }
  refuseOnePort(settled.get('port'), settled.get('metricsPort'), problems);
  refuseHalfCertificate(settled.get('tlsCert'), settled.get('tlsKey'), problems);
  refuseTwoCertificates(settled.get('tlsCert'), settled.get('secret'), problems);
  refuseNamesAlone(settled.get('clientNames'), settled.get('clientCa'), problems);
  return settled;
}

function refuseOnePort(reviews: Said | undefined, metrics: Said | undefined, problems: string[]): void {
  if (reviews === undefined || reviews.value === 0 || reviews.value !== metrics?.value) return;
  problems.push(
    `${reviews.from}: expected another port than ${metrics?.from}, got ${describeSetting(reviews.value)}`,
  );
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

/** A name proves nothing without an authority that certifies it. */
function refuseNamesAlone(names: Said | undefined, authority: Said | undefined, problems: string[]): void {
  if (names === undefined || authority !== undefined) return;
  problems.push(`${names.from}: expected --client-ca too`);
}

/** A value that was not expected, short enough for a message. */
function describeSetting(value: unknown): string {
  if (value === '') return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (isObject(value)) return 'a map';
  return JSON.stringify(typeof value === 'string' ? value.slice(0, 64) : value);
}
