import attack from './attack.json' with { type: 'json' };

/**
 * MITRE ATT&CK by name, as far as rules about Kubernetes and containers use it: tactics by the slug of a tag
 * (`privilege-escalation`), techniques by id. A sub-technique stands without the name of what it is a part of. Both what
 * version 19 (2026) calls the two halves of Defense Evasion and the old whole are here, because rules have either. What is
 * not here is shown as its id.
 */
const { tactics: TACTICS, techniques: TECHNIQUES }: Record<'tactics' | 'techniques', NamesById> = attack;

type NamesById = Readonly<Record<string, string>>;

/** The tactics among a rule's tags, as slugs: `privilege-escalation`. */
export function tacticsOf(tags: readonly string[]): readonly string[] {
  return tags
    .filter((tag) => /^attack\.(?![tgs]\d{4})/i.test(tag))
    .map((tag) => tag.slice('attack.'.length).toLowerCase().replaceAll('_', '-'));
}

/** `Privilege Escalation`, or the slug itself where it is not known. */
export function tacticName(slug: string): string {
  return Object.hasOwn(TACTICS, slug) ? (TACTICS[slug] ?? slug) : slug;
}

/** `Masquerading: Match Legitimate Resource Name or Location`; undefined where the id is not known. */
export function techniqueName(id: string): string | undefined {
  const [technique = ''] = id.split('.');
  const names = [technique, id].map((each) =>
    Object.hasOwn(TECHNIQUES, each) ? TECHNIQUES[each] : undefined,
  );
  return names.includes(undefined) ? undefined : [...new Set(names)].join(': ');
}
