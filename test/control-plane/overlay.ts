import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
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
}

/** What an operator's own overlay would be: resources of ours, and what is different there. */
export function createOverlay({ of, components = [], port }: OverlayOptions): Overlay {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'sigma-admission-overlay-')));
  const below = (path: string) => relative(directory, join(ROOT, path));
  const local = port === undefined ? [] : [servicePatch(port)];
  // Where all of it is ours, the configuration has no entries to begin with, and takes the port from the Service.
  const entries = port === undefined || components.includes('components/manage-all') ? [] : [portPatch(port)];
  const kustomization = {
    resources: [below(join('manifests', of))],
    components: components.map((each) => below(join('manifests', each))),
    patches: [...local, ...entries],
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

function portPatch(port: number): object {
  const operations = [0, 1, 2, 3].map((entry) => ({
    op: 'replace',
    path: `/webhooks/${entry}/clientConfig/service/port`,
    value: port,
  }));
  return { target: { kind: 'ValidatingWebhookConfiguration' }, patch: JSON.stringify(operations) };
}
