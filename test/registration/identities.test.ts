import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { load } from 'js-yaml';
import { CONTROL_PLANES, CONTROLLERS, NODES } from '../../src/registration/identities.ts';

function filter(name: string): unknown {
  const path = join(import.meta.dirname, '../../filters', name);
  return (load(readFileSync(path, 'utf8')) as { filter: unknown }).filter;
}

describe('the filters that ship', () => {
  it('accept the controllers that the match conditions call healing, and no others', () => {
    expect(filter('controllers.yml')).toMatchObject({
      selection: {
        'user.username|cased': CONTROLLERS.usernames,
        'user.groups|cased': CONTROLLERS.group,
        'user.uid': '?*',
      },
      pod_bound_token: { [`user.extra.${CONTROLLERS.podBoundToken}|exists`]: true },
      condition: 'not (selection and not pod_bound_token)',
    });
  });

  it('accept the nodes that the match conditions call healing', () => {
    expect(filter('mirror-pods.yml')).toMatchObject({
      selection: {
        'user.username|startswith|cased': NODES.usernamePrefix,
        'user.groups|cased': NODES.group,
      },
      condition: 'not selection',
    });
  });

  it('name a distribution’s add-on manager as its control plane does', () => {
    const { gke_kops_talos, eks } = filter('presets/addon-managers.yml') as Record<string, unknown>;
    const { gke, kops, talos } = CONTROL_PLANES;
    const masters = [gke, kops, talos].flat().filter((user) => 'group' in user);
    expect({ gke_kops_talos, eks }).toEqual({
      gke_kops_talos: {
        'user.username|cased': masters.map(({ username }) => username),
        'user.groups|cased': 'system:masters',
      },
      eks: { 'user.username|cased': 'eks:addon-manager' },
    });
    expect(CONTROL_PLANES.eks).toContainEqual({ username: 'eks:addon-manager' });
  });
});
