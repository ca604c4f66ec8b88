/** Writes the schema that ships, from the API server of KUBEBUILDER_ASSETS: `npm run schema`. An end-to-end test compares. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readOpenApi } from '../../src/cluster/open-api.ts';
import type { Schema } from '../../src/kubernetes/schema/schema.ts';
import { startControlPlane } from './control-plane.ts';

const FILE = join(import.meta.dirname, '../../src/kubernetes/schema/kubernetes.json');

const controlPlane = await startControlPlane({ without: ['kube-controller-manager', 'kube-scheduler'] });
try {
  const schema = await readOpenApi({
    get: async (path) => (await controlPlane.api('GET', path)).body,
  });
  writeFileSync(FILE, textOf(schema));
} finally {
  await controlPlane.stop();
}

/** A type is a line, so that a new version's changes can be read. */
function textOf({ version, resources, types }: Schema): string {
  const lines = (map: object) =>
    Object.entries(map)
      .map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`)
      .join(',\n');
  return `{"version": "${version}",\n"resources": {\n${lines(resources)}},\n"types": {\n${lines(types)}}}\n`;
}
