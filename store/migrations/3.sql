-- The link of a learner's page may become another one: it was sent to a wrong
-- address, say. What is erased still does not come back.
DROP TRIGGER fixed ON records;
CREATE TRIGGER fixed BEFORE UPDATE ON records FOR EACH ROW
    WHEN ((OLD.sequence, OLD.id, OLD.key, OLD.public, OLD.number, OLD.external) IS DISTINCT FROM (NEW.sequence, NEW.id, NEW.key, NEW.public, NEW.number, NEW.external)
        OR NEW.link IS NOT NULL AND OLD.link IS NULL)
    EXECUTE FUNCTION refuse('what was reserved does not change');
