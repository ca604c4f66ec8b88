import { expect, it } from '@jest/globals';
import { connectToCluster, type ApiServer, type WatchEvent } from '../../src/cluster/api-server.ts';
import type { Json } from '../control-plane/api-client.ts';
import { describeWithControlPlane } from './lib/describe-with-control-plane.ts';
import { eventually } from '../lib/eventually.ts';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';

describeWithControlPlane('The API server', (controlPlane) => {
  const connect = (): Promise<ApiServer> =>
    connectToCluster({ kubeconfig: controlPlane.kubeconfig(), env: {} });
  const configMap = (name: string, key: string) => ({ metadata: { name }, data: { key } });

  it('makes an object, and only says that it would where the path asks for a dry run', async () => {
    const api = await connect();
    const made = (await api.create(CONFIG_MAPS, configMap('made', 'a'))) as Json;
    expect(made['data']).toEqual({ key: 'a' });
    expect(made['metadata'].managedFields[0].manager).toBe('sigma-admission');
    await api.create(`${CONFIG_MAPS}?dryRun=All`, configMap('not-made', 'a'));
    await expect(api.get(`${CONFIG_MAPS}/not-made`)).rejects.toMatchObject({ name: 'ApiError', status: 404 });
    await expect(api.create(CONFIG_MAPS, configMap('made', 'b'))).rejects.toMatchObject({ status: 409 });
    await controlPlane.api('DELETE', `${CONFIG_MAPS}/made`);
  });

  it('tells of each change until nobody listens any more', async () => {
    const api = await connect();
    const before = (await api.get(CONFIG_MAPS)) as Json;
    const stop = new AbortController();
    const seen: WatchEvent[] = [];
    const path = `${CONFIG_MAPS}?watch=true&resourceVersion=${before['metadata'].resourceVersion}`;
    const watched = api.watch(path, (event) => seen.push(event), stop.signal);
    await api.create(CONFIG_MAPS, configMap('watched', 'ü\n'));
    await controlPlane.api('DELETE', `${CONFIG_MAPS}/watched`);
    await eventually('both changes are told', () => seen.length === 2);
    expect(seen.map(({ type, object }) => [type, (object as Json)['data']])).toEqual([
      ['ADDED', { key: 'ü\n' }],
      ['DELETED', { key: 'ü\n' }],
    ]);
    stop.abort();
    await expect(watched).rejects.toMatchObject({ name: 'AbortError' });
  });
});
