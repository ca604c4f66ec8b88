/**
 * Writes the manifests that are made rather than written: `npm run manifests`. A test compares them with what is there.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { yamlText } from '../src/io/yaml-text.ts';
import { CONTROL_PLANES, type Distribution } from '../src/registration/identities.ts';

const DIRECTORY = import.meta.dirname;
const MADE = '# Made by `npm run manifests` from src/registration; change it there.\n';

/** What is made from the program's own data, by path below manifests/. */
export function generatedManifests(): Readonly<Record<string, string>> {
  const distributions = (Object.keys(CONTROL_PLANES) as Distribution[]).filter((name) => name !== 'upstream');
  return Object.fromEntries(
    distributions.map((name) => [
      `distributions/${name}/kustomization.yaml`,
      MADE + yamlText(distributionComponent(name)),
    ]),
  );
}

/** `warn` rendered, for those who would rather read or apply one file. */
export function renderInstall(kubectl: string): string {
  const rendered = execFileSync(kubectl, ['kustomize', join(DIRECTORY, 'overlays/warn')], {
    encoding: 'utf8',
  });
  return `# overlays/warn as \`kubectl kustomize\` renders it; \`npm run manifests\` writes it.\n${rendered}`;
}

/** The control plane's own users differ by distribution; a component tells any overlay which one it is. */
function distributionComponent(name: Distribution) {
  const patch = [
    { op: 'add', path: '/spec/template/spec/containers/0/args/-', value: `--distribution=${name}` },
  ];
  return {
    apiVersion: 'kustomize.config.k8s.io/v1alpha1',
    kind: 'Component',
    patches: [{ target: { kind: 'Deployment', name: 'sigma-admission' }, patch: yamlText(patch) }],
  };
}

if (import.meta.main) {
  for (const [path, text] of Object.entries(generatedManifests())) {
    mkdirSync(dirname(join(DIRECTORY, path)), { recursive: true });
    writeFileSync(join(DIRECTORY, path), text);
  }
  const assets = process.env['KUBEBUILDER_ASSETS'];
  const kubectl = assets === undefined ? 'kubectl' : join(assets, 'kubectl');
  writeFileSync(join(DIRECTORY, 'install.yaml'), renderInstall(kubectl));
}
