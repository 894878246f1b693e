-- Puts a document in place of the one that the asker knows, and tells everybody.
--
-- KEYS[1]  the registry: a hash of `revision`, `digest` and `document`
-- ARGV[1]  the digest of the document to replace; empty where there is none
-- ARGV[2]  the new document's revision
-- ARGV[3]  its digest
-- ARGV[4]  its text
-- ARGV[5]  the channel on which it is told
--
-- Answers 1 where it was replaced, and 0 where another document is there.

local found = redis.call('HGET', KEYS[1], 'digest') or ''
if found ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[1], 'revision', ARGV[2], 'digest', ARGV[3], 'document', ARGV[4])
redis.call('PUBLISH', ARGV[5], ARGV[2])
return 1
