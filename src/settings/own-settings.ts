import type { FoundSettings, OwnSettings } from '../self/lowered-modes.ts';
import { COMMANDS } from './commands.ts';
import { settingsOfReplica } from './of-replica.ts';
import { readSettings, type Sources } from './read-settings.ts';
import type { Key, Values } from './settings.ts';

const MODES: readonly Key[] = ['mode', 'levels', 'rules'];

/**
 * The settings of this process, said by `sources`, were something else said to it. The settings file is read now. A pod in a
 * review may name any other file, a device without an end among them: none of those is opened.
 */
export function ownSettings(sources: Sources, namespace: string): OwnSettings {
  const files = new Map<string, string>();
  readSettings(COMMANDS.serve.settings, {
    ...sources,
    readFile(path) {
      const text = sources.readFile(path);
      files.set(path, text);
      return text;
    },
  });
  return {
    withFile(text) {
      const { values, problems } = readSettings(COMMANDS.serve.settings, {
        ...sources,
        readFile: () => text,
      });
      return problems.length > 0 ? { kind: 'problems', problems } : found(values);
    },
    withPod(spec) {
      const settings = settingsOfReplica(spec, { namespace, readFile: (path) => files.get(path) });
      if (settings.kind === 'refused') return { kind: 'problems', problems: settings.problems };
      if (settings.kind === 'unknown') return { kind: 'problems', problems: [settings.why] };
      const unknown = MODES.flatMap((key) => settings.unknown.get(key) ?? []);
      return unknown.length > 0 ? { kind: 'problems', problems: unknown } : found(settings.values);
    },
  };
}

function found({ mode, levels, rules, ...others }: Values): FoundSettings {
  return { kind: 'read', modes: { default: mode, levels, rules }, others };
}
