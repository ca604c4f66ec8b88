import { BlockList, isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { quote } from './describe-value.ts';

/** What is wrong with a network in CIDR notation, or a bare address; undefined if nothing is. */
export function networkProblem(network: string): string | undefined {
  const [address = '', prefix, ...rest] = network.split('/');
  const version = isIP(address);
  const longest = version === 4 ? 32 : 128;
  const isPrefix = prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= longest);
  if (version === 0 || address.includes('%') || !isPrefix || rest.length > 0) {
    return `${quote(network)} is no network; expected one such as "10.0.0.0/8" or "fd00::/8"`;
  }
  if (prefix === undefined) return undefined;
  const canonical = ipaddr.IPv4.isValid(address)
    ? ipaddr.IPv4.networkAddressFromCIDR(network)
    : ipaddr.IPv6.networkAddressFromCIDR(network);
  const isFirst = canonical.toNormalizedString() === ipaddr.parse(address).toNormalizedString();
  return isFirst
    ? undefined
    : `${quote(network)} has bits set beyond its prefix; expected "${canonical.toString()}/${prefix}"`;
}

/** An IPv4-mapped IPv6 address is in no IPv4 network; an address with a port or brackets is none. */
export function compileNetwork(network: string): (text: string) => boolean {
  const [address = '', prefix] = network.split('/');
  const version = isIP(address);
  const family = version === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(address, prefix === undefined ? (version === 4 ? 32 : 128) : Number(prefix), family);
  return (text) => isIP(text) === version && list.check(text, family);
}
