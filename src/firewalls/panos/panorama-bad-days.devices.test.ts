import { panoramaBadDays } from '../../../test/kit/panorama-bad-days.ts';
import { badDays } from '../contract/bad-days.ts';
import { groups, others, rules } from './bad-days.fixture.ts';

const RULES = {
  zones: { from: ['k8s'], to: ['internet'] },
  position: { before: 'rest' },
  form: 'Full',
  securityProfile: 'none',
  log: 'None',
};

badDays('Panorama, rules and translations', () => panoramaBadDays(RULES), {
  before: rules({ '10.0.0.1': 'bank', '10.0.0.2': 'shop' }, [443, 80]),
  after: rules({ '10.0.0.2': 'bank', '10.0.0.3': 'shop', '10.0.0.4': 'bank' }, [443, 8080]),
  others,
});

badDays('Panorama, groups alone', () => panoramaBadDays({ position: { before: 'rest' } }), {
  before: groups(['10.0.0.1', '10.0.0.2']),
  after: groups(['10.0.0.2', '10.0.0.3', '10.0.0.4']),
  others,
});
