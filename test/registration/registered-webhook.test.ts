import { describe, expect, it } from '@jest/globals';
import {
  differingFields,
  registeredCaBundles,
  type RegisteredWebhook,
} from '../../src/registration/registered-webhook.ts';

const SERVICE = { namespace: 'ns', name: 'name' };
const base64 = (text: string) => Buffer.from(text).toString('base64');

function entry(caBundle: string | undefined, service = SERVICE): RegisteredWebhook {
  return {
    name: 'a.b.c',
    clientConfig: { service, ...(caBundle === undefined ? {} : { caBundle: base64(caBundle) }) },
  };
}

describe('what our entries trust', () => {
  it.each<[string, readonly RegisteredWebhook[] | undefined, readonly string[]]>([
    ['is nothing where there are none', undefined, []],
    ['is one text where all agree', [entry('A'), entry('A')], ['A']],
    ['is each text where they differ', [entry('A'), entry('B'), entry('A')], ['A', 'B']],
    ['is also nothing where one has no caBundle', [entry('A'), entry(undefined)], ['A', '']],
    [
      'is not what another webhook trusts',
      [entry('B', { namespace: 'other', name: 'name' }), entry('A')],
      ['A'],
    ],
  ])('%s', (_, webhooks, bundles) => {
    expect(registeredCaBundles(webhooks && { webhooks }, SERVICE)).toEqual(bundles);
  });
});

describe('two entries', () => {
  it('are the same whatever the API server adds', () => {
    expect(differingFields({ ...entry('A'), objectSelector: {} }, entry('A'))).toEqual([]);
  });

  it('differ in fields, where whom to call and whom to trust are two', () => {
    const other = { ...entry('B', { namespace: 'other', name: 'name' }), timeoutSeconds: 3, rules: [] };
    expect(differingFields(entry('A'), other)).toEqual(['service', 'caBundle', 'timeoutSeconds', 'rules']);
  });
});
