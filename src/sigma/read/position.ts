import {
  EVENT_ID,
  type AliasEvent,
  type Event,
  type MappingEvent,
  type ScalarEvent,
  type SequenceEvent,
} from 'js-yaml';
import { quote } from '../match/describe-value.ts';
import type { Path } from './errors.ts';

/** Where a node of a YAML document stands. A key and its value are one node, at the key. */
export interface Position {
  readonly line: number;
  readonly children: ReadonlyMap<string | number, Position>;
}

/** The line of the node at `path`, or of its nearest ancestor that exists. */
export function lineOf(position: Position): (path: Path) => number {
  return (path) => {
    let node = position;
    for (const step of path) {
      const child = node.children.get(step);
      if (child === undefined) break;
      node = child;
    }
    return node.line;
  };
}

/** How deep lists and maps may be nested, aliases followed. Rules need five; what walks them may then be recursive. */
export const MAX_NESTING = 100;

/** Nodes that aliases may add to a document. No rule comes near; a bomb (a billion laughs) is past it at once. */
const MAX_ALIASED_NODES = 10_000;

/** What is asked, and told, about a document while it is walked. */
export interface PositionVisitor {
  readonly source: string;
  /** The line of an offset in the source. Offsets only grow. */
  lineAt(offset: number): number;
  /** A key as the map that was read from the events spells it. */
  keyText(event: ScalarEvent): string;
  onScalar(event: ScalarEvent, path: Path, line: number): void;
  /** `first` is the line of the same key before it in the same map. */
  onKey(event: ScalarEvent | AliasEvent, path: Path, line: number, first: number | undefined): void;
  onLimit(path: Path, line: number, message: string): void;
}

type Collection = MappingEvent | SequenceEvent;

/** How large a node is with its aliases written out. An anchor that is still open is an ancestor of the alias. */
interface NodeSize {
  size: number;
  height: number;
  open: boolean;
  readonly key?: string;
}

/** A list or map, or the document itself (a list of one), whose end was not seen yet. */
interface Frame {
  readonly isMapping: boolean;
  readonly step: string | number;
  readonly children: Map<string | number, Position>;
  readonly extent: NodeSize;
  key: string | undefined;
  keyLine: number;
}

/**
 * Walks the events of one document and says where its nodes stand. Undefined if the document refers to itself, or aliases
 * make it larger or deeper than it may be: then it must not be walked as a tree.
 */
export function walkPositions(events: readonly Event[], visitor: PositionVisitor): Position | undefined {
  const top = openFrame(false, 0);
  const frames: Frame[] = [top];
  const anchors = new Map<string, NodeSize>();
  let aliasedNodes = 0;

  const pathTo = (...steps: Path): Path => [...frames.slice(1).map(({ step }) => step), ...steps].slice(1);

  function anchorOf({ anchorStart, anchorEnd }: AliasEvent | ScalarEvent | Collection): string | undefined {
    return anchorStart === -1 ? undefined : visitor.source.slice(anchorStart, anchorEnd);
  }

  /** Puts a node where the frame expects one. */
  function place(frame: Frame, line: number, children: Map<string | number, Position>): string | number {
    const step = frame.key ?? frame.children.size;
    frame.children.set(step, { line: frame.isMapping ? frame.keyLine : line, children });
    frame.key = undefined;
    return step;
  }

  function takeKey(frame: Frame, key: string, event: ScalarEvent | AliasEvent, line: number): void {
    visitor.onKey(event, pathTo(key), line, frame.children.get(key)?.line);
    frame.key = key;
    frame.keyLine = line;
  }

  for (const event of events) {
    if (event.type === EVENT_ID.DOCUMENT) continue;
    const frame = frames.at(-1) ?? top;
    if (event.type === EVENT_ID.POP) {
      frames.pop();
      frame.extent.open = false;
      grow(frames.at(-1), frame.extent);
      continue;
    }
    const line = visitor.lineAt(startOf(event));
    const name = anchorOf(event);
    const isKey = frame.isMapping && frame.key === undefined;
    if (event.type === EVENT_ID.ALIAS) {
      const target = anchors.get(name ?? '');
      if (isKey) {
        takeKey(frame, target?.key ?? '', event, line);
        continue;
      }
      const path = pathTo(place(frame, line, new Map()));
      aliasedNodes += target?.size ?? 0;
      const limit = limitPassed(target, aliasedNodes, frames.length);
      if (target === undefined || limit !== undefined) {
        visitor.onLimit(path, line, `alias ${quote(name ?? '')} ${limit}`);
        return undefined;
      }
      grow(frame, target);
    } else if (event.type === EVENT_ID.SCALAR) {
      const key = isKey || name !== undefined ? visitor.keyText(event) : '';
      if (isKey) takeKey(frame, key, event, line);
      visitor.onScalar(event, isKey ? pathTo(key) : pathTo(place(frame, line, new Map())), line);
      const extent = { size: 1, height: 1, open: false, key };
      if (name !== undefined) anchors.set(name, extent);
      if (!isKey) grow(frame, extent);
    } else {
      const children = new Map<string | number, Position>();
      const opened = openFrame(event.type === EVENT_ID.MAPPING, place(frame, line, children), children);
      if (name !== undefined) anchors.set(name, opened.extent);
      frames.push(opened);
    }
  }
  return top.children.get(0);
}

function openFrame(
  isMapping: boolean,
  step: string | number,
  children = new Map<string | number, Position>(),
): Frame {
  return {
    isMapping,
    step,
    children,
    extent: { size: 1, height: 1, open: true },
    key: undefined,
    keyLine: 0,
  };
}

function grow(frame: Frame | undefined, { size, height }: NodeSize): void {
  if (frame === undefined) return;
  frame.extent.size += size;
  frame.extent.height = Math.max(frame.extent.height, height + 1);
}

function limitPassed(target: NodeSize | undefined, aliasedNodes: number, depth: number): string | undefined {
  if (target === undefined || target.open) return 'refers to a node that contains it';
  if (aliasedNodes > MAX_ALIASED_NODES) {
    return `makes the document grow by more than ${MAX_ALIASED_NODES} nodes`;
  }
  return depth + target.height > MAX_NESTING
    ? `makes the document deeper than ${MAX_NESTING} levels`
    : undefined;
}

/** The offset an event begins at; -1 for an empty scalar, which is nowhere. */
function startOf(event: AliasEvent | ScalarEvent | Collection): number {
  if (event.type === EVENT_ID.SCALAR) return event.valueStart;
  return event.type === EVENT_ID.ALIAS ? event.anchorStart : event.start;
}
