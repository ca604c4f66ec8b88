import { printable } from '../policy/message.ts';
import { controllerOf } from '../kubernetes/owner-reference.ts';
import type { ScannedObject } from './scanned-object.ts';

/** What was read that may own something: by kind, its uid and its own controller. */
export interface Owners {
  add(object: ScannedObject): void;
  uidOf(namespace: string, kind: string, name: string): string | undefined;
  /** Up from an owner, as long as what it names was read. */
  rootOf(
    namespace: string,
    owner: { readonly kind: string; readonly name: string },
  ): { readonly kind: string; readonly name: string };
}

/** ReplicaSet and Deployment, Job and CronJob, and whatever controllers of others put on top. */
const MAX_DEPTH = 8;

export function createOwners(): Owners {
  const known = new Map<string, { uid: string; controller?: { kind: string; name: string } }>();
  const keyOf = (namespace: string, kind: string, name: string) => `${namespace}/${kind}/${name}`;
  return {
    add({ of, namespace, name, uid, object }) {
      const controller = controllerOf(object);
      known.set(keyOf(namespace, of.kind, name), {
        uid,
        ...(controller === undefined ? {} : { controller: { kind: controller.kind, name: controller.name } }),
      });
    },
    uidOf: (namespace, kind, name) => known.get(keyOf(namespace, kind, name))?.uid,
    rootOf(namespace, { kind, name }) {
      let root = { kind, name };
      for (let depth = 0; depth < MAX_DEPTH; depth++) {
        const above = known.get(keyOf(namespace, root.kind, root.name))?.controller;
        if (above === undefined) break;
        root = above;
      }
      return { kind: printable(root.kind), name: printable(root.name) };
    },
  };
}
