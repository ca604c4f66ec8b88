import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { load, loadAll } from 'js-yaml';
import { generatedManifests, renderInstall } from '../../manifests/generate.ts';
import { createOverlay } from '../control-plane/overlay.ts';
import { DISTRIBUTIONS } from '../../src/registration/identities.ts';
import { KINDS, type Kind } from '../../src/kubernetes/objects.ts';
import { loadRuleset, parseAll } from '../../src/policy/load-rules.ts';
import { provenanceNeeds } from '../../src/policy/provenance-needs.ts';
import { directorySource } from '../../src/policy/rule-source.ts';
import { NAMESPACED_KINDS } from '../../src/provenance/cache.ts';
import { describeWithKubectl, kubectl } from './kubectl.ts';

interface RbacRole {
  readonly metadata: { readonly namespace?: string };
  readonly rules?: readonly {
    readonly apiGroups: readonly string[];
    readonly resources: readonly string[];
    readonly verbs: readonly string[];
  }[];
}

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

const config = (overlay: string) => load(read(`manifests/${overlay}/config.yaml`)) as object;

describe('the manifests', () => {
  it.each(Object.entries(generatedManifests()))('%s is what the program’s data makes it', (path, text) => {
    expect(read(join('manifests', path))).toBe(text);
  });

  it.each(['rules', 'filters', 'filters/presets'])(
    '%s lists every file in its kustomization',
    (directory) => {
      const { configMapGenerator } = load(read(join(directory, 'kustomization.yaml'))) as {
        configMapGenerator: readonly { files: readonly string[] }[];
      };
      const files = readdirSync(join(ROOT, directory)).filter((name) => name.endsWith('.yml'));
      expect(configMapGenerator.flatMap((generator) => generator.files)).toEqual(files.toSorted());
    },
  );

  it('differ between modes in the mode alone', () => {
    expect(config('overlays/audit')).toEqual({ ...config('base'), mode: 'audit' });
    expect(config('overlays/enforce')).toEqual({ ...config('base'), mode: 'enforce' });
  });

  it('let replicas read what makes pods where the rules that ship ask who made a pod, and the Nodes', async () => {
    const sources = ['rules', 'filters'].map((name) => join(ROOT, name));
    const parsed = parseAll(await directorySource(sources).read());
    const { namespaces } = provenanceNeeds(loadRuleset(parsed, { door: 'serve', subresources: 'resource' }));
    const roles = (loadAll(read('manifests/base/30-rbac.yaml')) as readonly RbacRole[]).filter(
      ({ metadata, rules }) => rules !== undefined && metadata.namespace !== 'sigma-admission',
    );
    const watched = (namespace: string | undefined) =>
      roles
        .filter(({ metadata }) => metadata.namespace === namespace)
        .flatMap(({ rules }) => rules ?? [])
        .filter(({ verbs }) => ['get', 'list', 'watch'].every((verb) => verbs.includes(verb)))
        .flatMap(({ apiGroups, resources }) => resources.map((resource) => `${apiGroups[0]}/${resource}`))
        .toSorted();
    const needed = (kinds: readonly Kind[]) =>
      kinds.map((kind) => `${KINDS[kind].group}/${KINDS[kind].resource}`).toSorted();
    expect(namespaces).toEqual(['kube-system']);
    expect([watched('kube-system'), watched(undefined)]).toEqual([
      needed(NAMESPACED_KINDS),
      needed(['Node']),
    ]);
  });

  it('run the version of this package', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string };
    expect(read('manifests/base/60-deployment.yaml')).toContain(`image: sigma-admission:${version}\n`);
  });
});

describeWithKubectl('the manifests as kubectl renders them', () => {
  it('are install.yaml, in warn', () => {
    expect(read('manifests/install.yaml')).toBe(renderInstall(kubectl));
  });

  /** One object of `warn` with a component. */
  function withComponent(component: string, kind: string): Record<string, unknown> {
    const overlay = createOverlay({ of: 'overlays/warn', components: [component] });
    try {
      const rendered = execFileSync(kubectl, ['kustomize', overlay.directory], { encoding: 'utf8' });
      const found = (loadAll(rendered) as readonly { kind: string }[]).find((each) => each.kind === kind);
      return found as unknown as Record<string, unknown>;
    } finally {
      overlay.remove();
    }
  }

  const argumentsOf = (deployment: Record<string, unknown>): readonly string[] =>
    (deployment as { spec: { template: { spec: { containers: readonly [{ args: string[] }] } } } }).spec
      .template.spec.containers[0].args;

  it.each(DISTRIBUTIONS.filter((name) => name !== 'upstream'))(
    'tell replicas that the cluster is %s, with the component for it',
    (distribution) => {
      expect(argumentsOf(withComponent(`distributions/${distribution}`, 'Deployment'))).toEqual([
        ...argumentsOf(withComponent('components/user-namespace', 'Deployment')),
        `--distribution=${distribution}`,
      ]);
    },
  );

  it('run in a user namespace, with the component for it', () => {
    expect(withComponent('components/user-namespace', 'Deployment')).toMatchObject({
      spec: { template: { spec: { hostUsers: false } } },
    });
  });

  it('mount further ConfigMaps with filters beside ours, as docs/install.md says to name them', () => {
    const [, patch] =
      /  ```yaml\n(  - op: add\n[^`]*filters-of-team-a[^`]*)  ```\n/.exec(read('docs/install.md')) ?? [];
    const overlay = createOverlay({
      of: 'overlays/warn',
      components: ['components/team-filters'],
      patches: [
        { target: { kind: 'Deployment', name: 'sigma-admission' }, patch: patch?.replaceAll(/^ {2}/gm, '') },
      ],
    });
    try {
      const rendered = execFileSync(kubectl, ['kustomize', overlay.directory], { encoding: 'utf8' });
      const deployment = (loadAll(rendered) as readonly any[]).find(({ kind }) => kind === 'Deployment');
      const { volumes } = deployment.spec.template.spec;
      expect(volumes.find(({ name }: { name: string }) => name === 'filters')).toEqual({
        name: 'filters',
        projected: {
          sources: [
            { configMap: { name: 'sigma-admission-filters' } },
            {
              configMap: {
                name: 'filters-of-team-a',
                optional: true,
                items: [{ key: 'filters.yml', path: 'filters-of-team-a.optional.yml' }],
              },
            },
          ],
        },
      });
    } finally {
      overlay.remove();
    }
  });

  it('reach DNS and an API server’s ports alone, with the component for it', () => {
    expect(withComponent('components/egress', 'NetworkPolicy')).toMatchObject({
      spec: {
        policyTypes: ['Ingress', 'Egress'],
        ingress: [{ ports: [{ port: 'https' }] }, { ports: [{ port: 'metrics' }] }],
        egress: [
          {
            ports: [
              { protocol: 'UDP', port: 53 },
              { protocol: 'TCP', port: 53 },
            ],
          },
          {
            ports: [
              { protocol: 'TCP', port: 443 },
              { protocol: 'TCP', port: 6443 },
            ],
          },
        ],
      },
    });
  });

  it('confine what our service account creates, with the component for it', () => {
    expect(withComponent('components/confine', 'ValidatingAdmissionPolicyBinding')).toMatchObject({
      metadata: { name: 'sigma-admission-confine' },
      spec: { policyName: 'sigma-admission-confine', validationActions: ['Deny'] },
    });
  });

  it('give a replica longer to stop than it takes to drain', () => {
    const documents = loadAll(renderInstall(kubectl)) as readonly { kind: string; spec: unknown }[];
    const deployment = documents.find(({ kind }) => kind === 'Deployment')?.spec as {
      template: { spec: { terminationGracePeriodSeconds: number } };
    };
    const DRAIN_SECONDS = 15;
    expect(deployment.template.spec.terminationGracePeriodSeconds).toBeGreaterThan(DRAIN_SECONDS);
  });
});
