-- Tells how domains stand; writes nothing.
--
-- asked.domains, asked.scopes, asked.accounts   what is asked about
--
-- Answers: standing, {{COUNTED…}, {RESTING…}, {PROVING…}, {LAST…}} in the order asked. COUNTED is {fence, leaves, …},
-- {fence, expires, …} and the domain's hash; RESTING is `UNTIL REASON` or nothing; PROVING
-- is {since, rounds, reason, ends} or nothing; LAST is a fence or nothing.

return answer('standing', snapshot(asked.domains, asked.scopes, asked.accounts))
