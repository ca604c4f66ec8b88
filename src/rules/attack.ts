/**
 * MITRE ATT&CK by name, as far as rules about Kubernetes and containers use it. Both what version 19 (2026) calls the two
 * halves of Defense Evasion and the old whole are here, because rules have either. What is not here is shown as its id.
 */

/** By the slug of a tag: `attack.privilege-escalation`. */
const TACTICS: Readonly<Record<string, string>> = {
  reconnaissance: 'Reconnaissance',
  'resource-development': 'Resource Development',
  'initial-access': 'Initial Access',
  execution: 'Execution',
  persistence: 'Persistence',
  'privilege-escalation': 'Privilege Escalation',
  'defense-evasion': 'Defense Evasion',
  stealth: 'Stealth',
  'defense-impairment': 'Defense Impairment',
  'credential-access': 'Credential Access',
  discovery: 'Discovery',
  'lateral-movement': 'Lateral Movement',
  collection: 'Collection',
  'command-and-control': 'Command and Control',
  exfiltration: 'Exfiltration',
  impact: 'Impact',
};

/** A sub-technique without the name of what it is a part of. */
const TECHNIQUES: Readonly<Record<string, string>> = {
  T1005: 'Data from Local System',
  T1018: 'Remote System Discovery',
  T1021: 'Remote Services',
  T1036: 'Masquerading',
  'T1036.005': 'Match Legitimate Resource Name or Location',
  T1040: 'Network Sniffing',
  T1041: 'Exfiltration Over C2 Channel',
  T1046: 'Network Service Discovery',
  T1053: 'Scheduled Task/Job',
  'T1053.003': 'Cron',
  'T1053.007': 'Container Orchestration Job',
  T1059: 'Command and Scripting Interpreter',
  'T1059.004': 'Unix Shell',
  T1068: 'Exploitation for Privilege Escalation',
  T1069: 'Permission Groups Discovery',
  'T1069.003': 'Cloud Groups',
  T1070: 'Indicator Removal',
  'T1070.004': 'File Deletion',
  T1071: 'Application Layer Protocol',
  T1078: 'Valid Accounts',
  'T1078.001': 'Default Accounts',
  'T1078.003': 'Local Accounts',
  'T1078.004': 'Cloud Accounts',
  T1082: 'System Information Discovery',
  T1083: 'File and Directory Discovery',
  T1087: 'Account Discovery',
  'T1087.004': 'Cloud Account',
  T1090: 'Proxy',
  T1098: 'Account Manipulation',
  'T1098.006': 'Additional Container Cluster Roles',
  T1105: 'Ingress Tool Transfer',
  T1110: 'Brute Force',
  'T1110.001': 'Password Guessing',
  'T1110.003': 'Password Spraying',
  'T1110.004': 'Credential Stuffing',
  T1133: 'External Remote Services',
  T1134: 'Access Token Manipulation',
  T1136: 'Create Account',
  'T1136.001': 'Local Account',
  'T1136.003': 'Cloud Account',
  T1190: 'Exploit Public-Facing Application',
  T1195: 'Supply Chain Compromise',
  'T1195.002': 'Compromise Software Supply Chain',
  T1199: 'Trusted Relationship',
  T1204: 'User Execution',
  'T1204.003': 'Malicious Image',
  T1484: 'Domain or Tenant Policy Modification',
  T1485: 'Data Destruction',
  T1486: 'Data Encrypted for Impact',
  T1489: 'Service Stop',
  T1490: 'Inhibit System Recovery',
  T1496: 'Resource Hijacking',
  T1498: 'Network Denial of Service',
  T1499: 'Endpoint Denial of Service',
  T1525: 'Implant Internal Image',
  T1526: 'Cloud Service Discovery',
  T1528: 'Steal Application Access Token',
  T1530: 'Data from Cloud Storage',
  T1531: 'Account Access Removal',
  T1537: 'Transfer Data to Cloud Account',
  T1543: 'Create or Modify System Process',
  'T1543.005': 'Container Service',
  T1548: 'Abuse Elevation Control Mechanism',
  T1550: 'Use Alternate Authentication Material',
  'T1550.001': 'Application Access Token',
  T1552: 'Unsecured Credentials',
  'T1552.001': 'Credentials In Files',
  'T1552.005': 'Cloud Instance Metadata API',
  'T1552.007': 'Container API',
  T1556: 'Modify Authentication Process',
  T1557: 'Adversary-in-the-Middle',
  T1562: 'Impair Defenses',
  'T1562.001': 'Disable or Modify Tools',
  T1564: 'Hide Artifacts',
  T1565: 'Data Manipulation',
  T1567: 'Exfiltration Over Web Service',
  T1572: 'Protocol Tunneling',
  T1578: 'Modify Cloud Compute Infrastructure',
  T1580: 'Cloud Infrastructure Discovery',
  T1609: 'Container Administration Command',
  T1610: 'Deploy Container',
  T1611: 'Escape to Host',
  T1612: 'Build Image on Host',
  T1613: 'Container and Resource Discovery',
};

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
