/** Jest runs this after the last end-to-end test file. */
export default async function globalTeardown() {
  await globalThis.stopSharedControlPlane?.();
}
