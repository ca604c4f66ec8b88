import { afterEach, describe, expect, it } from '@jest/globals';
import { ApiError } from '../../src/cluster/api-server.ts';
import { followLowering } from '../../src/cluster/lowering.ts';
import { eventually } from '../lib/eventually.ts';

let stop = () => {};
afterEach(() => stop());

function deployment(configMap: string | undefined, args: readonly string[] = []) {
  const mounted = configMap !== undefined;
  const container = {
    name: 'sigma-admission',
    args: ['serve', ...(mounted ? ['--config=/etc/sigma-admission/config/config.yaml'] : []), ...args],
    volumeMounts: mounted ? [{ name: 'config', mountPath: '/etc/sigma-admission/config' }] : [],
  };
  const volumes = mounted ? [{ name: 'config', configMap: { name: configMap } }] : [];
  return { spec: { template: { spec: { containers: [container], volumes } } } };
}

/** A cluster that holds our Deployment and its ConfigMaps, and what is told of it by a replica that enforces. */
function followed(held: { deployment?: object; configMaps: Record<string, string> }) {
  const told: string[] = [];
  const failures: string[] = [];
  const state = { held, at: 0, reads: 0 };
  const found = (object: object | undefined) =>
    object === undefined ? Promise.reject(new ApiError(404, 'not found')) : Promise.resolve(object);
  const own = followLowering({
    api: {
      get(path) {
        if (path === '/apis/apps/v1/namespaces/ns/deployments/name') {
          state.reads += 1;
          return found(state.held.deployment);
        }
        const name = /^\/api\/v1\/namespaces\/ns\/configmaps\/(.*)$/.exec(path)?.[1] ?? '';
        const text = state.held.configMaps[name];
        return found(text === undefined ? undefined : { data: { 'config.yaml': text } });
      },
    },
    deployment: { namespace: 'ns', name: 'name' },
    modes: { default: 'enforce', levels: {}, rules: {} },
    onLowered: (lowers, by) => told.push(`${lowers.join(', ')} by ${by ?? 'nobody named'}`),
    onFailure: ({ message }) => failures.push(message),
    everyMs: 1,
    now: () => state.at,
  });
  stop = own.stop;
  const read = () => {
    const before = state.reads;
    return eventually('it is read again', () => state.reads > before + 1);
  };
  return { ...own, told, failures, state, read };
}

describe('what our Deployment and its settings file ask for', () => {
  const ENFORCE = { deployment: deployment('one'), configMaps: { one: 'mode: enforce' } };

  it('is read once, and not again until a review says that something was changed', async () => {
    const { state, told } = followed(ENFORCE);
    await eventually('it was read', () => state.reads === 1);
    state.held = { deployment: deployment('one'), configMaps: { one: 'mode: audit' } };
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([state.reads, told]).toEqual([1, []]);
  });

  it('is nothing to tell where a review was forged, however many were', async () => {
    const { state, told, suspect, read } = followed(ENFORCE);
    await eventually('it was read', () => state.reads === 1);
    for (let each = 0; each < 2_000; each += 1) suspect('ceo@corp');
    await read();
    expect(told).toEqual([]);
    state.at = 61_000;
    await new Promise((resolve) => setTimeout(resolve, 20));
    const { reads } = state;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(state.reads).toBe(reads);
  });

  it.each<[string, { deployment: object; configMaps: Record<string, string> }, string]>([
    ['in its file', { ...ENFORCE, configMaps: { one: 'mode: warn' } }, 'mode from enforce to warn'],
    [
      'by another file',
      { deployment: deployment('two'), configMaps: { one: 'mode: enforce', two: 'mode: audit' } },
      'mode from enforce to audit',
    ],
    [
      'by an argument, which wins over the file',
      { ...ENFORCE, deployment: deployment('one', ['--mode=warn']) },
      'mode from enforce to warn',
    ],
    ['by no file', { ...ENFORCE, deployment: deployment(undefined) }, 'mode from enforce to warn'],
    [
      'in a file that is too large to be read',
      { ...ENFORCE, configMaps: { one: '#'.repeat(5_000) } },
      'the settings file is over 4096 characters: not read',
    ],
  ])('is told once, with whom a review named, when it is lowered %s', async (_, held, lowers) => {
    const { state, told, suspect, read } = followed(ENFORCE);
    await eventually('it was read', () => state.reads === 1);
    suspect('alice');
    await read();
    expect(told).toEqual([]);
    state.held = held;
    await eventually('it is told', () => told.length > 0);
    await read();
    expect(told).toEqual([`${lowers} by alice`]);
  });

  it('is no news where it was less from the beginning, or is not there', async () => {
    const { state, told, failures, suspect, read } = followed({
      ...ENFORCE,
      configMaps: { one: 'mode: warn' },
    });
    suspect('alice');
    await read();
    state.held = { ...ENFORCE, configMaps: { one: 'mode: off' } };
    await read();
    state.held = { deployment: deployment('gone'), configMaps: {} };
    await read();
    state.held = { configMaps: {} };
    await read();
    expect([told, failures]).toEqual([[], []]);
  });
});
