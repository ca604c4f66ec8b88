import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { whyNotRegular } from '../io/regular-file.ts';
import { followPaths } from '../io/follow-paths.ts';

/** One file of rules or filters: its name, as errors and records show it, and its text. */
export interface NamedDocument {
  readonly name: string;
  readonly text: string;
  /** True for the file of placeholders, which holds neither rules nor filters. */
  readonly isPlaceholders?: true;
}

/** The settings that say which rules, filters and placeholders to load. */
export interface RuleSettings {
  readonly rulesDirs: readonly string[];
  readonly filtersDirs: readonly string[];
  readonly allowUsers: readonly string[];
  /** The file with the values for `|expand`. */
  readonly placeholders?: string;
}

/** Every command reads its rules from here, each path once. */
export function ruleSourceOf({ rulesDirs, filtersDirs, allowUsers, placeholders }: RuleSettings): RuleSource {
  return sourceUnion([
    directorySource([...new Set([...rulesDirs, ...filtersDirs])]),
    allowUsersSource(allowUsers),
    ...(placeholders === undefined ? [] : [placeholdersSource(placeholders)]),
  ]);
}

/** The directory of filters that every command reads by default. */
const DEFAULT_FILTERS = 'filters';

/** The same for commands about rules alone, whose user may have no filters. Serve without its filters would deny controllers. */
export function ruleSourceWithOptionalFilters(settings: RuleSettings): RuleSource {
  const filtersDirs = settings.filtersDirs.filter(
    (directory) => directory !== DEFAULT_FILTERS || existsSync(directory),
  );
  return ruleSourceOf({ ...settings, filtersDirs });
}

/** The file that `--placeholders` names. */
function placeholdersSource(file: string): RuleSource {
  const files = directorySource([file]);
  return {
    read: async () => {
      const problem = whyNotRegular(await stat(file));
      if (problem !== undefined) throw new Error(`--placeholders ${file}: ${problem}`);
      return (await files.read()).map((document) => ({ ...document, isPlaceholders: true as const }));
    },
    onChange: files.onChange,
  };
}

/** Where rules and filters come from. */
export interface RuleSource {
  read(): Promise<readonly NamedDocument[]>;
  /** Calls `listener` when `read` may give something else. Returns what ends that. */
  onChange(listener: () => void): () => void;
}

/** Documents that are known from the start. */
export function fixedSource(documents: readonly NamedDocument[]): RuleSource {
  return { read: async () => documents, onChange: () => () => {} };
}

/**
 * Files and directories. A directory gives its own `.yml` and `.yaml` files, in order of name; a subdirectory is loaded by
 * naming it, and a link to anything but a regular file is an error. Names that begin with `..` (a ConfigMap's data) and
 * `kustomization.yaml` are no rules. A ConfigMap is replaced by swapping the `..data` link that its files go through, which is
 * a change in the directory like any other.
 */
export function directorySource(paths: readonly string[]): RuleSource {
  return {
    async read() {
      const files = (await Promise.all(paths.map(filesOf))).flat();
      return Promise.all(files.map(async (name) => ({ name, text: await readFile(name, 'utf8') })));
    },
    onChange: followPaths(paths),
  };
}

async function filesOf(path: string): Promise<readonly string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const names = (await readdir(path)).filter(isRuleFile).toSorted();
  const files = names.map((name) => join(path, name));
  await Promise.all(files.map(expectRegular));
  return files;
}

/** A link in a directory may name a pipe or a device, whose end never comes. */
async function expectRegular(name: string): Promise<void> {
  const problem = whyNotRegular(await stat(name));
  if (problem !== undefined) throw new Error(`${name}: ${problem}`);
}

/** Whether a file of this name in a directory is read as rules or filters. */
export function isRuleFile(name: string): boolean {
  return /\.ya?ml$/.test(name) && !name.startsWith('..') && !/^kustomization\.ya?ml$/.test(name);
}

/** Whether a file is called `NAME.optional.yml`: `serve` leaves it out where it is wrong and nothing of it is in force. */
export function isOptional(name: string): boolean {
  return /\.optional\.ya?ml$/.test(name);
}

/** Several sources as one. */
export function sourceUnion(sources: readonly RuleSource[]): RuleSource {
  return {
    read: async () => (await Promise.all(sources.map((source) => source.read()))).flat(),
    onChange(listener) {
      const ends = sources.map((source) => source.onChange(listener));
      return () => {
        for (const end of ends) end();
      };
    },
  };
}

/** `--allow-user NAME`: a filter for each user, written out, so that it is checked, recorded and counted like any other. */
function allowUsersSource(users: readonly string[]): RuleSource {
  return fixedSource(
    users.map((user) => ({
      name: `--allow-user ${user}`,
      text: JSON.stringify({
        title: `Allowed user ${user}`,
        logsource: { product: 'kubernetes', service: 'audit' },
        filter: {
          rules: 'any',
          selection: { 'user.username|cased': user.replace(/[\\*?]/g, '\\$&') },
          condition: 'not selection',
        },
      }),
    })),
  );
}
