import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { load } from 'js-yaml';
import { FIELD_MANAGER } from '../../src/registration/field-owners.ts';
import type { Json } from '../control-plane/api-client.ts';

const text = readFileSync(join(import.meta.dirname, '../../docs/gitops.md'), 'utf8');
const manifests = [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, yaml = '']) => load(yaml) as Json);

it('docs/gitops.md has a manifest for Argo CD and one for Flux', () => {
  expect(manifests.map(({ apiVersion, kind }) => `${apiVersion} ${kind}`)).toEqual([
    'argoproj.io/v1alpha1 Application',
    'kustomize.toolkit.fluxcd.io/v1 Kustomization',
  ]);
});

it('Argo CD’s ignores what our replicas own, by the name under which they write', () => {
  const [application] = manifests;
  expect(application?.['spec'].ignoreDifferences).toEqual([
    {
      group: 'admissionregistration.k8s.io',
      kind: 'ValidatingWebhookConfiguration',
      name: 'sigma-admission',
      managedFieldsManagers: [FIELD_MANAGER],
    },
    { kind: 'Secret', name: 'sigma-admission-tls', managedFieldsManagers: [FIELD_MANAGER] },
  ]);
});

it('neither replaces objects', () => {
  const [application, kustomization] = manifests;
  expect(application?.['spec'].syncPolicy.syncOptions).not.toEqual(
    expect.arrayContaining([expect.stringMatching(/Replace|Force/)]),
  );
  expect(kustomization?.['spec'].force).toBe(false);
});

it('the way into all leaves the webhook configuration out by its label, which nothing else of the release has', () => {
  expect(text).toContain("kubectl apply -k OVERLAY -l 'admissions.enforcer/disabled!=true'");
});
