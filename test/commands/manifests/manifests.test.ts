import { describe, expect, it } from '@jest/globals';
import { load } from 'js-yaml';
import { manifests } from '../../../src/commands/manifests/manifests.ts';
import { loadRuleset, parseAll } from '../../../src/policy/load-rules.ts';
import { wantedConfiguration } from '../../../src/registration/wanted-configuration.ts';
import { parseCommandLine } from '../../../src/settings/command-line.ts';
import { SigmaError } from '../../../src/sigma/read/errors.ts';
import { captured, directoryOf, ruleOf } from '../rules/written.ts';

const ID = '11111111-1111-4111-8111-111111111111';
const EXEC = '  s: {verb: create, objectRef.resource: pods, objectRef.subresource: exec}\n  condition: s\n';
const PODS = '  s: {verb: create, objectRef.resource: pods}\n  condition: s\n';
const FILES = {
  'exec.yml': ruleOf('22222222-2222-4222-8222-222222222222', 'Exec', EXEC),
  'pods.yml': ruleOf(ID, 'Pods', PODS),
};

/** What the command prints for rules in these files, flags and a settings file. */
async function printed(files: Readonly<Record<string, string>>, flags: readonly string[], file = '') {
  const parsed = parseCommandLine(
    ['manifests', '--rules', directoryOf(files), '--config', 'config.yaml', ...flags],
    { env: {}, readFile: () => file, version: '0' },
  );
  if (parsed.command !== 'manifests') throw new Error(JSON.stringify(parsed));
  const { io, texts } = captured();
  expect(await manifests(parsed.config, io)).toBe(0);
  return texts.stdout;
}

const wanted = (more: Partial<Parameters<typeof wantedConfiguration>[0]> = {}) =>
  wantedConfiguration(
    {
      name: 'sigma-admission',
      namespace: 'sigma-admission',
      service: 'sigma-admission',
      port: 443,
      distribution: 'upstream',
      modes: { default: 'warn', levels: {}, rules: {} },
      ...more,
    },
    loadRuleset(parseAll(Object.entries(FILES).map(([name, text]) => ({ name, text }))), {
      door: 'serve',
      subresources: 'resource',
    }),
  );

describe('manifests', () => {
  it('prints what the replicas would want, in the mode that the settings file says', async () => {
    expect(load(await printed(FILES, []))).toEqual(wanted());
    const rules = { [ID]: 'enforce' } as const;
    expect(
      load(await printed(FILES, [], `mode: audit\nrules: {${ID}: enforce}\nfiltersDirs: [/etc/f]`)),
    ).toEqual(wanted({ modes: { default: 'audit', levels: {}, rules } }));
  });

  it('prints it for another namespace, name and distribution', async () => {
    const flags = ['--namespace=security', '--webhooks=ours', '--distribution=eks'];
    const text = await printed(FILES, flags);
    expect(load(text)).toEqual(wanted({ namespace: 'security', name: 'ours', distribution: 'eks' }));
    expect(text.replaceAll('security', '').match(/namespace: .*|- sigma-admission$/gm)).toEqual(
      Array.from({ length: 6 }, () => 'namespace: '),
    );
  });

  it('prints the same text whatever the rules’ files are called', async () => {
    const renamed = { 'a.yml': FILES['pods.yml'], 'b.yml': FILES['exec.yml'] };
    expect(await printed(renamed, [])).toBe(await printed(FILES, []));
  });

  it('prints nothing for rules that cannot be loaded', async () => {
    const wrong = { 'wrong.yml': 'title: x\n' };
    await expect(printed(wrong, [])).rejects.toThrow(SigmaError);
  });
});
