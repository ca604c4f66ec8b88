/** Jest runs this before the first end-to-end test file, in the process that all test files are run from. */
import { startSharedControlPlane } from './shared-control-plane.ts';

export default async function globalSetup() {
  globalThis.stopSharedControlPlane = await startSharedControlPlane();
}
