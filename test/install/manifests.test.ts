import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { load, loadAll } from 'js-yaml';
import { generatedManifests, renderInstall } from '../../manifests/generate.ts';
import { describeWithKubectl, kubectl } from './kubectl.ts';

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

  it('run the version of this package', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string };
    expect(read('manifests/base/60-deployment.yaml')).toContain(`image: sigma-admission:${version}\n`);
  });
});

describeWithKubectl('the manifests as kubectl renders them', () => {
  it('are install.yaml, in warn', () => {
    expect(read('manifests/install.yaml')).toBe(renderInstall(kubectl));
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
