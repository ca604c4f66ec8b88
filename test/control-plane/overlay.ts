import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

const ROOT = realpathSync(join(import.meta.dirname, '../..'));

/** A kustomization for `kubectl apply -k`, in a directory of its own. */
export interface Overlay {
  readonly directory: string;
  remove(): void;
}

export interface OverlayOptions {
  /** Below manifests/: `overlays/warn`. */
  readonly of: string;
  /** Below manifests/ too. */
  readonly components?: readonly string[];
  /** Where the replicas are to be found on this machine; absent, the manifests stay as they are. */
  readonly port?: number;
  /** What replicas manage of the webhook configuration; less than all of it: its entries are what `manifests` prints. */
  readonly manage?: 'ca' | 'none';
  /** Where kustomize moves every object to. */
  readonly namespace?: string;
  /** Lines under `rules` of the settings file: modes by rule id. */
  readonly modes?: readonly string[];
  /** An operator's own. */
  readonly patches?: readonly object[];
}

/** What an operator's own overlay would be: resources of ours, and what is different there. */
export function createOverlay({
  of,
  components = [],
  port,
  manage,
  modes,
  namespace,
  patches = [],
}: OverlayOptions): Overlay {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'sigma-admission-overlay-')));
  const below = (path: string) => relative(directory, join(ROOT, path));
  const managed = manage === undefined ? [] : [`components/manage-${manage}`];
  writeFileSync(join(directory, 'config.yaml'), settingsFile(of, modes));
  if (manage !== undefined)
    writeFileSync(join(directory, 'webhooks.yaml'), printedConfiguration(join(directory, 'config.yaml')));
  const kustomization = {
    ...(namespace === undefined ? {} : { namespace }),
    resources: [below(join('manifests', of))],
    components: [...components, ...managed].map((each) => below(join('manifests', each))),
    ...(modes === undefined ? {} : { configMapGenerator: [SETTINGS] }),
    patches: [
      ...(port === undefined ? [] : [servicePatch(port)]),
      ...(manage === undefined ? [] : [{ path: 'webhooks.yaml' }]),
      // Where the replicas manage all of it, they take the port from the Service.
      ...(manage === undefined || port === undefined ? [] : [portPatch(port)]),
      ...patches,
    ],
  };
  writeFileSync(join(directory, 'kustomization.yaml'), JSON.stringify(kustomization));
  return { directory, remove: () => rmSync(directory, { recursive: true }) };
}

/** What a control plane without a network needs: the Service leads to this machine, so that the `.svc` name is checked. */
function servicePatch(port: number): object {
  const value = { type: 'ExternalName', externalName: 'localhost', ports: [{ name: 'https', port }] };
  const patch = JSON.stringify([{ op: 'replace', path: '/spec', value }]);
  return { target: { kind: 'Service', name: 'sigma-admission' }, patch };
}

const SETTINGS = {
  name: 'sigma-admission-config',
  namespace: 'sigma-admission',
  behavior: 'replace',
  files: ['config.yaml'],
};

/** The settings file of an overlay, with these modes by rule id. */
function settingsFile(of: string, modes: readonly string[] | undefined): string {
  const own = join(ROOT, 'manifests', of, 'config.yaml');
  const text = readFileSync(existsSync(own) ? own : join(ROOT, 'manifests/base/config.yaml'), 'utf8');
  return modes === undefined ? text : `${text}\nrules:\n${modes.map((line) => `  ${line}\n`).join('')}`;
}

/** The entries for the rules that ship, and these settings. */
function printedConfiguration(config: string): string {
  const args = ['src/main.ts', 'manifests', '--config', config, '--rules', join(ROOT, 'rules')];
  return execFileSync(process.execPath, args, { cwd: ROOT, env: {}, encoding: 'utf8' });
}

function portPatch(port: number): object {
  const operations = [0, 1, 2, 3, 4, 5].map((entry) => ({
    op: 'replace',
    path: `/webhooks/${entry}/clientConfig/service/port`,
    value: port,
  }));
  return { target: { kind: 'ValidatingWebhookConfiguration' }, patch: JSON.stringify(operations) };
}
