/** An entry of a webhook configuration, as far as it says whom to call and whom to trust there. */
export interface RegisteredEntry {
  readonly name: string;
  readonly clientConfig: {
    readonly service?: { readonly namespace: string; readonly name: string };
    readonly caBundle?: string;
  };
}

/** The patch that puts `caBundle` (PEM) into each of our entries that has another; undefined where none has. */
export function caBundlePatch(
  entries: readonly RegisteredEntry[],
  caBundle: string,
  service: { readonly namespace: string; readonly name: string },
): { readonly webhooks: readonly RegisteredEntry[] } | undefined {
  const wanted = Buffer.from(caBundle).toString('base64');
  const webhooks = entries
    .filter(({ clientConfig }) => isOurs(clientConfig.service, service) && clientConfig.caBundle !== wanted)
    .map(({ name }) => ({ name, clientConfig: { caBundle: wanted } }));
  return webhooks.length === 0 ? undefined : { webhooks };
}

/** Somebody may have put an entry of theirs beside ours. */
function isOurs(
  called: RegisteredEntry['clientConfig']['service'],
  { namespace, name }: { readonly namespace: string; readonly name: string },
): boolean {
  return called?.namespace === namespace && called.name === name;
}
