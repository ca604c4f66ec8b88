import { describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { load, loadAll } from 'js-yaml';
import { manifests } from '../../../src/commands/manifests/manifests.ts';
import { loadRuleset, parseAll } from '../../../src/policy/load-rules.ts';
import { wantedConfiguration } from '../../../src/registration/wanted-configuration.ts';
import { parseCommandLine } from '../../../src/settings/command-line.ts';
import { SigmaError } from '../../../src/sigma/read/errors.ts';
import { createOverlay } from '../../control-plane/overlay.ts';
import { describeWithKubectl, kubectl } from '../../registration/kubectl.ts';
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

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [field: string]: unknown;
}

const ROOT = join(import.meta.dirname, '../../..');
const FILTER = `title: CI\nid: ${ID}\nlogsource: {product: kubernetes, service: audit}\nfilter: {rules: any, selection: {user.username: ci}, condition: not selection}\n`;

async function released(flags: readonly string[], file = ''): Promise<readonly Manifest[]> {
  const filters = directoryOf({ 'ci.yml': FILTER });
  return loadAll(await printed(FILES, ['--release', '--filters', filters, ...flags], file)) as Manifest[];
}

const filtersOf = (objects: readonly unknown[]) =>
  (objects as readonly any[])
    .find(({ kind }) => kind === 'Deployment')
    .spec.template.spec.volumes.find(({ name }: { name: string }) => name === 'filters');

const called = ({ kind, metadata: { name, namespace } }: Manifest) => [kind, name, namespace];
const named = (objects: readonly Manifest[], kind: string, start = '') =>
  objects.find((object) => object.kind === kind && object.metadata.name.startsWith(start));

describe('manifests --release', () => {
  it('prints every object, in the order in which they are applied, each where it belongs', async () => {
    const objects = await released(['--namespace=security', '--webhooks=ours']);
    const [settings = ''] = objects
      .map(({ metadata }) => metadata.name)
      .filter((name) => name.includes('config-'));
    expect(objects.map(called)).toEqual([
      ['Namespace', 'security', undefined],
      ['ServiceAccount', 'sigma-admission', 'security'],
      ['Role', 'sigma-admission', 'security'],
      ['RoleBinding', 'sigma-admission', 'security'],
      ['ClusterRole', 'sigma-admission', undefined],
      ['ClusterRoleBinding', 'sigma-admission', undefined],
      ['Role', 'sigma-admission-provenance', 'kube-system'],
      ['RoleBinding', 'sigma-admission-provenance', 'kube-system'],
      ['ResourceQuota', 'sigma-admission-critical-pods', 'security'],
      ['Secret', 'sigma-admission-tls', 'security'],
      ['ConfigMap', settings, 'security'],
      ['ConfigMap', 'sigma-admission-rules', 'security'],
      ['ConfigMap', 'sigma-admission-filters', 'security'],
      ['Deployment', 'sigma-admission', 'security'],
      ['Service', 'sigma-admission', 'security'],
      ['PodDisruptionBudget', 'sigma-admission', 'security'],
      ['NetworkPolicy', 'sigma-admission', 'security'],
      ['ValidatingWebhookConfiguration', 'ours', undefined],
    ]);
  });

  it('gives our service account its rights in that namespace', async () => {
    const objects = await released(['--namespace=security']);
    const subjects = objects.flatMap((object) => (object['subjects'] ?? []) as readonly object[]);
    expect(subjects).toEqual(
      Array.from({ length: 3 }, () => ({
        kind: 'ServiceAccount',
        name: 'sigma-admission',
        namespace: 'security',
      })),
    );
    const rules = named(objects, 'Role')?.['rules'] as readonly {
      resources: string[];
      resourceNames?: string[];
    }[];
    expect(rules.find(({ resources }) => resources.includes('namespaces'))?.resourceNames).toEqual([
      'security',
    ]);
    expect(rules.find(({ resources }) => resources.includes('services'))?.resourceNames).toEqual([
      'sigma-admission',
    ]);
  });

  it('carries rules, filters and settings, and names the settings after their content', async () => {
    const file = `rules: {${ID}: enforce}\nminLevel: low`;
    const objects = await released(['--mode=audit'], file);
    expect(named(objects, 'ConfigMap', 'sigma-admission-rules')?.['data']).toEqual(FILES);
    expect(named(objects, 'ConfigMap', 'sigma-admission-filters')?.['data']).toEqual({ 'ci.yml': FILTER });
    const settings = named(objects, 'ConfigMap', 'sigma-admission-config-');
    expect(load((settings?.['data'] as Record<string, string> | undefined)?.['config.yaml'] ?? '')).toEqual({
      mode: 'audit',
      levels: {},
      rules: { [ID]: 'enforce' },
      filtersDirs: ['/etc/sigma-admission/filters'],
      allowUsers: [],
      subresources: 'resource',
      minLevel: 'low',
    });
    const again = await released(['--mode=audit'], file);
    expect(again).toEqual(objects);
    const other = named(await released([], file), 'ConfigMap', 'sigma-admission-config-');
    expect(other?.metadata.name).not.toBe(settings?.metadata.name);
    expect(JSON.stringify(named(objects, 'Deployment'))).toContain(`"name":"${settings?.metadata.name}"`);
  });

  it.each(['all', 'ca', 'none'] as const)(
    'has with --manage=%s the entries, rights and arguments of that',
    async (manage) => {
      const flags = [`--manage=${manage}`, '--distribution=eks', '--image=images.example/ours:1'];
      const objects = await released(flags);
      const { webhooks } = wanted({ distribution: 'eks' });
      expect(named(objects, 'ValidatingWebhookConfiguration')?.['webhooks']).toEqual(
        manage === 'all' ? [] : webhooks,
      );
      const rules = named(objects, 'ClusterRole')?.['rules'] as readonly {
        resources: string[];
        verbs: string[];
      }[];
      expect(
        rules
          .filter(({ resources }) => resources.includes('validatingwebhookconfigurations'))
          .flatMap(({ verbs }) => verbs),
      ).toEqual({ all: ['get', 'update', 'create', 'patch'], ca: ['get', 'update'], none: ['get'] }[manage]);
      const deployment = JSON.stringify(named(objects, 'Deployment'));
      for (const text of [`--manage=${manage}`, '--distribution=eks', 'images.example/ours:1'])
        expect(deployment).toContain(`"${text}"`);
    },
  );

  it('mounts without further ConfigMaps the one with our filters', async () => {
    expect(filtersOf(await released([]))).toEqual({
      name: 'filters',
      configMap: { name: 'sigma-admission-filters' },
    });
  });

  it('refuses two files of one name, which no ConfigMap can have', async () => {
    const other = directoryOf({ 'pods.yml': ruleOf('33333333-3333-4333-8333-333333333333', 'Other', PODS) });
    await expect(printed(FILES, ['--release', '--rules', directoryOf(FILES), other])).rejects.toThrow(
      'has the same name, and a ConfigMap has no directories',
    );
  });
});

describeWithKubectl('manifests --release beside the overlays', () => {
  it.each(['warn', 'enforce'])('prints in %s the objects that kustomize renders', async (mode) => {
    const flags = [
      `--mode=${mode}`,
      '--release',
      '--rules',
      join(ROOT, 'rules'),
      '--filters',
      join(ROOT, 'filters'),
    ];
    const ours = loadAll(await printed({}, flags)) as readonly Manifest[];
    const overlay = join(ROOT, 'manifests/overlays', mode);
    const theirs = loadAll(execFileSync(kubectl, ['kustomize', overlay], { encoding: 'utf8' })) as Manifest[];
    // They differ in the name of the settings, and in the presets.
    const alike = (objects: readonly Manifest[]) =>
      Object.fromEntries(
        objects
          .filter(
            ({ kind, metadata }) =>
              kind !== 'Deployment' && !/-(config-.*|filter-presets)$/.test(metadata.name),
          )
          .map((object) => [called(object).join(' '), object]),
      );
    expect(alike(ours)).toEqual(alike(theirs));
  });
});

describeWithKubectl('filters in ConfigMaps of other teams', () => {
  const sourceOf = (team: string) => ({
    op: 'add',
    path: '/spec/template/spec/volumes/2/projected/sources/-',
    value: {
      configMap: {
        name: team,
        optional: true,
        items: [{ key: 'filters.yml', path: `${team}.optional.yml` }],
      },
    },
  });

  it.each([
    ['flags', ['--filter-config-map', 'filters-of-a', 'filters-of-b'], ''],
    ['the settings file', [], 'filterConfigMaps: [filters-of-a, filters-of-b]'],
  ])('are mounted as the component team-filters mounts them, named by %s', async (_by, flags, file) => {
    const overlay = createOverlay({
      of: 'overlays/warn',
      components: ['components/team-filters'],
      patches: [
        {
          target: { kind: 'Deployment', name: 'sigma-admission' },
          patch: JSON.stringify(['filters-of-a', 'filters-of-b'].map(sourceOf)),
        },
      ],
    });
    try {
      const rendered = execFileSync(kubectl, ['kustomize', overlay.directory], { encoding: 'utf8' });
      expect(filtersOf(await released(flags, file))).toEqual(filtersOf(loadAll(rendered)));
    } finally {
      overlay.remove();
    }
  });
});
