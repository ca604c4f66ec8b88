import { asObject, isObject } from '../kubernetes/as-object.ts';
import { COMMANDS } from './commands.ts';
import { FLAGS } from './flags.ts';
import { readSettings } from './read-settings.ts';
import type { Key, Values } from './settings.ts';

/** What `serve` does in a replica, as far as its pod tells: by arguments, environment, and the file they name. */
export type ReplicaSettings =
  /** `unknown` has the settings that the pod takes from elsewhere, each with why `values` cannot have it. */
  | { readonly kind: 'read'; readonly values: Values; readonly unknown: ReadonlyMap<Key, string> }
  /** `serve` does not start with them. */
  | { readonly kind: 'refused'; readonly problems: readonly string[] }
  | { readonly kind: 'unknown'; readonly why: string };

export interface ReplicaSurroundings {
  /** Where the pod is: its environment may name it. */
  readonly namespace: string;
  /** Gives the text of a file in the container; undefined where the file cannot be read from here. */
  readonly readFile: (path: string) => string | undefined;
}

/** As our manifests call it. */
const CONTAINER = 'sigma-admission';

/**
 * The container that ships has 5 arguments of 200 characters, and a variable. A pod may be forged, and every word of it is
 * compared with every flag.
 */
const MAX_WORDS = 256;
const MAX_CHARACTERS = 16 * 1024;
const MAX_VALUE = 4 * 1024;

/** The settings of a replica whose pod has this `spec`, of whatever shape. */
export function settingsOfReplica(
  spec: unknown,
  { namespace, readFile }: ReplicaSurroundings,
): ReplicaSettings {
  const container = containerOf(spec);
  if (container === undefined) return unknown('no container of it runs `sigma-admission serve`');
  const words = wordsOf(container);
  if (
    Math.max(words.length, objectsIn(container['env']).length) > MAX_WORDS ||
    words.join('').length > MAX_CHARACTERS
  )
    return unknown('it has more arguments or environment than are read');
  const { env, elsewhere } = environmentOf(container, namespace);
  const expanded = words.map((word) => expand(word, env));
  const argument = words.find((_, at) => expanded[at] === undefined);
  if (argument !== undefined) return unknown(`the argument ${argument} takes its value from elsewhere`);
  let unread: string | undefined;
  const { serve } = COMMANDS;
  const { values, from, problems } = readSettings(serve.settings, {
    argv: (expanded as readonly string[]).slice(expanded.indexOf('serve') + 1),
    env: Object.fromEntries(env),
    readFile(path) {
      const text = readFile(path);
      if (text === undefined) unread = path;
      return text ?? '';
    },
  });
  if (unread !== undefined) return unknown(`its settings file ${unread} cannot be read from here`);
  const keys: readonly Key[] = [...serve.settings, 'configFile'];
  const missing = new Map(
    FLAGS.flatMap(({ key, variable }): [Key, string][] =>
      keys.includes(key) && elsewhere(variable) && from.get(key)?.startsWith('--') !== true
        ? [[key, `its environment takes ${variable} from elsewhere`]]
        : [],
    ),
  );
  const file = missing.get('configFile');
  if (file !== undefined) return unknown(file);
  if (problems.length === 0) return { kind: 'read', values, unknown: missing };
  // One that is not known may be what is wrong with the others.
  const [why] = missing.values();
  return why === undefined ? { kind: 'refused', problems } : unknown(why);
}

/** The path of a file in our container as the ConfigMap and the key that its volume has it from. */
export function configMapKeyOf(
  spec: unknown,
  path: string,
): { readonly configMap: string; readonly key: string } | undefined {
  for (const { mountPath, subPath, name } of objectsIn(containerOf(spec)?.['volumeMounts'])) {
    if (!isText(mountPath)) continue;
    const directory = mountPath.replace(/\/$/, '');
    const isFile = isText(subPath) && path === directory;
    if (!isFile && !path.startsWith(`${directory}/`)) continue;
    const file = isFile ? subPath : path.slice(directory.length + 1);
    const volume = objectsIn(asObject(spec)?.['volumes']).find((each) => each['name'] === name);
    const source = asObject(volume?.['configMap']);
    const configMap = source?.['name'];
    if (!isText(configMap)) return undefined;
    const item = objectsIn(source?.['items']).find((each) => each['path'] === file);
    const key = item?.['key'];
    return { configMap, key: isText(key) ? key : file };
  }
  return undefined;
}

function unknown(why: string): ReplicaSettings {
  return { kind: 'unknown', why };
}

/** A sidecar may have any arguments, so ours is known by its name, or else by its command. */
function containerOf(spec: unknown): Readonly<Record<string, unknown>> | undefined {
  const containers = objectsIn(asObject(spec)?.['containers']);
  const named = containers.filter(({ name }) => name === CONTAINER);
  return (named.length > 0 ? named : containers).find((container) => wordsOf(container).includes('serve'));
}

/** Command and arguments. Those of the image are `serve`, as long as our container has none of its own. */
function wordsOf({ name, command, args }: Readonly<Record<string, unknown>>): readonly string[] {
  if (name === CONTAINER && command === undefined && args === undefined) return ['serve'];
  return [command, args].flatMap((list) => (Array.isArray(list) ? list.filter(isText) : []));
}

/** What the pod says of its environment itself. `elsewhere` says which other variables it may have. */
function environmentOf({ env, envFrom }: Readonly<Record<string, unknown>>, namespace: string) {
  const known = new Map<string, string>();
  const unknownNames = new Set<string>();
  for (const { name, value = '', valueFrom } of objectsIn(env)) {
    if (!isText(name)) continue;
    const field = asObject(asObject(valueFrom)?.['fieldRef'])?.['fieldPath'];
    const text = valueFrom === undefined ? value : field === 'metadata.namespace' ? namespace : undefined;
    known.delete(name);
    unknownNames.delete(name);
    // A value that names other variables is as good as from elsewhere.
    if (isText(text) && text.length <= MAX_VALUE && !text.includes('$(')) known.set(name, text);
    else unknownNames.add(name);
  }
  const isOpen = objectsIn(envFrom).length > 0;
  return {
    env: known,
    elsewhere: (name: string) => unknownNames.has(name) || (isOpen && !known.has(name)),
  };
}

/** As the kubelet does: `$(NAME)` is a variable and `$$` a dollar. Undefined where a variable is not known. */
function expand(text: string, env: ReadonlyMap<string, string>): string | undefined {
  let isKnown = true;
  const expanded = text.replaceAll(/\$\$|\$\(([^)]*)\)/g, (_, name?: string) => {
    if (name === undefined) return '$';
    isKnown &&= env.has(name);
    return env.get(name) ?? '';
  });
  return isKnown ? expanded : undefined;
}

function objectsIn(list: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(list) ? list.filter(isObject) : [];
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
