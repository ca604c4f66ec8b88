import { SETTINGS, type Key, type Setting } from './settings.ts';

/** A setting as the command line and the environment spell it. */
export interface Flag {
  readonly key: Key;
  /** `rules`, of `--rules <DIR...>`. */
  readonly name: string;
  /** As help shows it: `--rules <DIR...>`. */
  readonly syntax: string;
  /** `SIGMA_ADMISSION_RULES` */
  readonly variable: string;
  readonly isList: boolean;
  /** It says yes by being there: `--strict`. */
  readonly isSwitch: boolean;
}

/** What the name of every variable begins with. */
export const PREFIX = 'SIGMA_ADMISSION_';

const ENTRIES = Object.entries<Setting>(SETTINGS) as [Key, Setting][];

/** The flags of all commands: two settings of different commands may share one. */
export const FLAGS: readonly Flag[] = ENTRIES.flatMap(([key, { flag: syntax }]) => {
  if (syntax === undefined) return [];
  const [flag = '', value = ''] = syntax.split(' ');
  const name = flag.slice('--'.length);
  const variable = PREFIX + name.toUpperCase().replaceAll('-', '_');
  return [{ key, name, syntax, variable, isList: value.endsWith('...>'), isSwitch: value === '' }];
});

/** A file does not name another file, and is not for what one call is about. */
export const FILE_KEYS: readonly Key[] = ENTRIES.flatMap(([key, { argument, onlyHere = false }]) =>
  key === 'configFile' || argument !== undefined || onlyHere ? [] : [key],
);

/** `<LOG...>` is one that must be given, of which there may be several. */
export interface Argument {
  readonly key: Key;
  readonly syntax: string;
  readonly name: string;
  readonly isRequired: boolean;
  readonly isList: boolean;
}

/** The setting that stands on the command line without a flag. */
export function argumentOf(keys: readonly Key[]): Argument | undefined {
  for (const key of keys) {
    const { argument: syntax }: Setting = SETTINGS[key];
    if (syntax === undefined) continue;
    const name = syntax.replace(/^[<[]/, '').replace(/(\.\.\.)?[>\]]$/, '');
    return { key, syntax, name, isRequired: syntax.startsWith('<'), isList: syntax.includes('...') };
  }
  return undefined;
}
