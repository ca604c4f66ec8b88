/** The fields of a type by name. `*` stands for every other name. */
export type Fields = Readonly<Record<string, FieldType>>;

/**
 * What a field holds, or each member of it where it is a list: `string`, `integer`, `number`, `boolean` or `any`; the name of a type,
 * which has a dot (`core.v1.PodSpec`); `segment`, a part of a URL's path, so a text without a slash; a closed set of texts; a map with keys of the client's; or an object with these fields.
 */
export type FieldType = string | readonly string[] | { readonly of: FieldType } | { readonly fields: Fields };

/** What an API server says of the objects that it takes. */
export interface Schema {
  /** `1.37` */
  readonly version: string;
  /** By API group (`''` is the core group), then by resource or subresource (`pods/exec`): the types of what is sent, one a version. */
  readonly resources: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
  readonly types: Readonly<Record<string, Fields>>;
}

/** Where a path stops leading anywhere: its parts before `at` are fields, and then comes none of `names`. */
interface DeadEnd {
  readonly at: number;
  readonly names: readonly string[];
}

/** What a path leads to from one type, or from several. */
export interface Found {
  readonly types: readonly FieldType[];
  /** The farthest; there may be some where other ways lead on. */
  readonly deadEnds: readonly DeadEnd[];
}

/** Follows a dotted path as events are read: a list is its members, and a key of a map may itself contain dots. */
export function follow(types: Schema['types'], from: readonly FieldType[], path: string): Found {
  const parts = path === '' ? [] : path.split('.');
  const found = { types: new Set<FieldType>(), deadEnds: [] as DeadEnd[] };
  const seen = new Map<FieldType, Set<number>>();

  function walk(type: FieldType, at: number): void {
    const places = seen.get(type) ?? new Set();
    seen.set(type, places);
    if (places.has(at)) return;
    places.add(at);
    if (at === parts.length || type === 'any') return void found.types.add(type);
    if (isMap(type)) {
      for (let end = at + 1; end <= parts.length; end += 1) walk(type.of, end);
      return;
    }
    const fields = fieldsOf(types, type) ?? {};
    let leads = false;
    for (let end = at + 1; end <= parts.length; end += 1) {
      const name = parts.slice(at, end).join('.');
      if (!Object.hasOwn(fields, name)) continue;
      leads = true;
      walk(fields[name] ?? 'any', end);
    }
    if (leads) return;
    // What strategic merge patches say of a list or map stands among its fields: $patch, $setElementOrder/containers.
    if (Object.hasOwn(fields, '*') || parts[at]?.startsWith('$')) found.types.add('any');
    else found.deadEnds.push({ at, names: Object.keys(fields) });
  }

  for (const type of from) walk(type, 0);
  const farthest = Math.max(...found.deadEnds.map(({ at }) => at));
  return { types: [...found.types], deadEnds: found.deadEnds.filter(({ at }) => at === farthest) };
}

/** Whether it has fields or keys, so that no value is equal to it. */
export function isObject(types: Schema['types'], type: FieldType): boolean {
  return isMap(type) || fieldsOf(types, type) !== undefined;
}

/** The closed set of texts, if it is one. */
export function textsOf(type: FieldType): readonly string[] | undefined {
  return isTexts(type) ? type : undefined;
}

function isMap(type: FieldType): type is { readonly of: FieldType } {
  return typeof type === 'object' && 'of' in type;
}

function isTexts(type: FieldType): type is readonly string[] {
  return Array.isArray(type);
}

function fieldsOf(types: Schema['types'], type: FieldType): Fields | undefined {
  if (typeof type === 'string') return Object.hasOwn(types, type) ? types[type] : undefined;
  return 'fields' in type ? type.fields : undefined;
}
