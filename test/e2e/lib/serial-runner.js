import { readFileSync } from 'node:fs';
import TestRunner from 'jest-runner';

/**
 * Runs one file after another: a webhook configuration is for the whole cluster, and there is one cluster. Files that start
 * control planes of their own run beside these, as they mostly wait; those that put load on one come last, alone.
 */
export default class SerialRunner extends TestRunner {
  isSerial = true;

  async runTests(tests, watcher, options) {
    const { shared = [], own = [], load = [] } = Object.groupBy(tests, ({ path }) => laneOf(path));
    const run = (files, serial) =>
      files.length === 0 ? undefined : super.runTests(files, watcher, { ...options, serial });
    await Promise.all([run(shared, true), run(own, false)]);
    await run(load, true);
  }
}

function laneOf(path) {
  const text = readFileSync(path, 'utf8');
  if (text.includes("from '../control-plane/load.ts'")) return 'load';
  return text.includes('describeWithControlPlane(') ? 'shared' : 'own';
}
