"""exchanges - the fixed list that record_lio.py plays. An exchange's first line says what it shows."""
import struct

from peer_play import COMMAND, DATA_IN, FINAL, IMMEDIATE, NO_TAG, R2T, TEXT

EXCHANGES = {}
DATA_SNACK, STATUS_SNACK, DATA_ACK, R_DATA_SNACK = 0, 1, 2, 3


def exchange(file, fresh=False):
    """`file`: where it is written to. `fresh`: LIO may be hurt, so the next one gets another guest."""
    def keep(function):
        function.file, function.fresh = file, fresh
        EXCHANGES[function.__name__] = function
        return function
    return keep


def logins(name, text, **keys):
    def function(p):
        wire = p.login(**keys)
        if wire:
            end(p, wire)
    function.__doc__, function.__name__ = text, name
    exchange("login")(function)


def end(p, wire):
    p.logout(wire)
    wire.receive()


def two(p, **keys):
    """A session of two connections."""
    a, b = p.login(**keys), p.login(cid=2, leading=False)
    if not a or not b:
        raise ConnectionError
    return a, b


def words_of(pdu, *at):
    return [struct.unpack_from(">I", pdu[0], a)[0] for a in at]


def r2ts(got):
    """(TTT, offset, length, R2TSN) of the R2Ts among what was received."""
    return [words_of(pdu, 20, 40, 44, 36) for pdu in got if pdu[0][0] & 0x3F == R2T]


# --- login ----------------------------------------------------------------------------------------

logins("login_level_0", "everything at its plainest, level 0")
logins("login_level_1", "level 1 is offered", ErrorRecoveryLevel="1")
logins("login_level_2", "level 2 is offered", ErrorRecoveryLevel="2")
logins("login_level_3", "a level that does not exist", ErrorRecoveryLevel="3")
logins("login_digests", "both digests", HeaderDigest="CRC32C,None", DataDigest="CRC32C,None")
logins("login_digests_none_first", "digests are the second choice", HeaderDigest="None,CRC32C",
       DataDigest="None,CRC32C")
logins("login_no_r2t", "InitialR2T=No, ImmediateData=Yes", InitialR2T="No")
logins("login_no_unsolicited", "InitialR2T=Yes, ImmediateData=No", ImmediateData="No")
logins("login_many_r2t", "MaxOutstandingR2T 4", MaxOutstandingR2T="4")
logins("login_no_order", "DataPDUInOrder and DataSequenceInOrder No", DataPDUInOrder="No",
       DataSequenceInOrder="No", MaxOutstandingR2T="4")
logins("login_small_bursts", "FirstBurstLength 1024, MaxBurstLength 2048", FirstBurstLength="1024",
       MaxBurstLength="2048")
logins("login_times", "DefaultTime2Wait 0, DefaultTime2Retain 0", DefaultTime2Wait="0",
       DefaultTime2Retain="0")
logins("login_new_keys", "the keys of RFC 7143 and RFC 7144", TaskReporting="FastAbort,ResponseFence,RFC3720",
       iSCSIProtocolLevel="2")
logins("login_unknown_key", "a key that nobody knows", **{"X-com.example.key": "1", "Nonsense": "2"})
logins("login_bad_value", "a value that is none", MaxConnections="many")


@exchange("login")
def login_added_connection(p):
    """a second connection of the session, used, logged out alone"""
    a, b = two(p)
    p.nop(b)
    b.receive(1)
    p.logout(b, 1)
    b.receive()
    end(p, a)


@exchange("login")
def login_wrong_tsih(p):
    """a connection for a session that does not exist"""
    p.login(tsih=0x7777, leading=False)


@exchange("login")
def login_session_reinstatement(p):
    """the same ISID again with TSIH 0: the old connection ends"""
    old = p.login()
    new = p.login(tsih=0)
    old.receive()
    end(p, new)


@exchange("login")
def login_connection_reinstatement(p):
    """the same CID again: the old connection ends, the other one stays"""
    a, old = two(p, ErrorRecoveryLevel="2")
    new = p.login(cid=2, leading=False)
    old.receive()
    p.nop(new)
    new.receive(1)
    end(p, a)


@exchange("login")
def discovery(p):
    """SendTargets=All"""
    wire = p.login(discovery=True)
    wire.send(TEXT | IMMEDIATE, FINAL, p.tag(), (NO_TAG, p.cmd_sn, wire.exp_stat_sn),
              b"SendTargets=All\0")
    wire.receive(1)
    end(p, wire)


# --- reading and writing --------------------------------------------------------------------------

@exchange("io")
def write_immediate_and_read(p):
    """one block as immediate data, read back"""
    w = p.login()
    p.write(w, 8, data=b"\x5a" * 512)
    w.receive(1)
    p.read(w, 8)
    w.receive()
    end(p, w)


@exchange("io")
def write_by_r2t(p):
    """eight blocks without immediate data: R2Ts within MaxBurstLength 2048"""
    w = p.login(FirstBurstLength="1024", MaxBurstLength="2048", ImmediateData="No")
    itt = p.write(w, 8, 8)
    left = True
    while left:
        got = w.receive(1)
        left = r2ts(got)
        for ttt, offset, length, _ in left:
            p.data_out(w, itt, ttt, offset, b"\xa5" * length)
    end(p, w)


@exchange("io")
def write_unsolicited(p):
    """InitialR2T=No: immediate data, then unsolicited Data-Out up to FirstBurstLength, the rest by R2T"""
    w = p.login(InitialR2T="No", FirstBurstLength="1024")
    itt = p.tag()
    w.send(COMMAND, 0x20 | 1, itt, (2048, p.cmd_sn, w.exp_stat_sn,
                                    struct.pack(">BBIBHB", 0x2A, 0, 16, 0, 4, 0).ljust(16, b"\0")),
           b"\x11" * 512)
    p.cmd_sn += 1
    p.data_out(w, itt, NO_TAG, 512, b"\x11" * 512)
    for ttt, offset, length, _ in r2ts(w.receive(1)):
        p.data_out(w, itt, ttt, offset, b"\x11" * length)
    w.receive()
    end(p, w)


@exchange("io")
def read_many_pdus(p):
    """eight blocks to an initiator that takes 512 bytes in a PDU; MaxBurstLength 2048"""
    w = p.login(MaxRecvDataSegmentLength="512", MaxBurstLength="2048", FirstBurstLength="1024")
    p.read(w, 64, 8)
    w.receive()
    end(p, w)


@exchange("io")
def residuals(p):
    """a read of fewer and of more bytes than expected, a write of fewer bytes than expected"""
    w = p.login()
    p.read(w, 0, 1, length=1024)
    w.receive()
    p.read(w, 0, 2, length=512)
    w.receive()
    p.write(w, 8, 1, length=1024, data=b"\x5a" * 1024)
    w.receive()
    end(p, w)


@exchange("io")
def check_condition(p):
    """an operation code that the unit does not have, and a block beyond its end"""
    w = p.login()
    p.command(w, b"\xff\0\0\0\0\0")
    w.receive()
    p.read(w, 0x7FFFFFFF, 1)
    w.receive()
    end(p, w)


@exchange("io")
def unit_that_is_not_there(p):
    """INQUIRY and READ to LUN 77"""
    w = p.login()
    p.command(w, b"\x12\0\0\0\x24\0", 36, 0x40, lun=77)
    w.receive()
    p.read(w, 0, lun=77)
    w.receive()
    end(p, w)


@exchange("io")
def pings(p):
    """NOP-Out: immediate with data, and numbered"""
    w = p.login()
    p.nop(w, b"abcd1234")
    w.receive(1)
    p.nop(w, immediate=False)
    w.receive(1)
    end(p, w)


@exchange("io")
def numbers_out_of_order(p):
    """CmdSN n+1 before n, and a number that was used before"""
    w = p.login()
    first = p.cmd_sn
    p.cmd_sn += 2
    p.read(w, 0, cmd_sn=first + 1)
    w.receive()
    p.read(w, 8, cmd_sn=first)
    w.receive()
    p.read(w, 16, cmd_sn=first)
    w.receive()
    end(p, w)


# --- level 1 --------------------------------------------------------------------------------------

@exchange("level-1")
def snack_data(p):
    """level 1: the second of four Data-Ins again, then all of them, before the status is acknowledged"""
    w = p.login(ErrorRecoveryLevel="1", MaxRecvDataSegmentLength="512")
    itt = p.read(w, 64, 4)
    w.receive()
    w.exp_stat_sn -= 1  # the status is not acknowledged
    p.snack(w, DATA_SNACK, itt, begin=1, run=1)
    w.receive()
    p.snack(w, DATA_SNACK, itt)
    w.receive()
    w.exp_stat_sn += 1
    end(p, w)


def snack_one(p, run):
    w = p.login(ErrorRecoveryLevel="1")
    itt = p.read(w, 64)
    w.receive(1)
    w.exp_stat_sn -= 1
    p.snack(w, DATA_SNACK, itt, begin=0, run=run)
    w.receive()
    w.exp_stat_sn += 1
    end(p, w)


@exchange("level-1")
def snack_data_of_one(p):
    """level 1: the only Data-In, which carried the status, again: RunLength 0, all from DataSN 0 on"""
    snack_one(p, 0)


@exchange("level-1", fresh=True)
def snack_data_of_one_by_count(p):
    """level 1: the same with RunLength 1"""
    snack_one(p, 1)


@exchange("level-1")
def snack_status(p):
    """level 1: the response of a write again"""
    w = p.login(ErrorRecoveryLevel="1")
    p.write(w, 8, data=b"\x5a" * 512)
    w.receive(1)
    w.exp_stat_sn -= 1
    p.snack(w, STATUS_SNACK, begin=w.exp_stat_sn, run=1)
    w.receive()
    end(p, w)


@exchange("level-1")
def snack_status_of_a_read(p):
    """level 1: the status that came with the last Data-In again"""
    w = p.login(ErrorRecoveryLevel="1")
    p.read(w, 8)
    w.receive(1)
    w.exp_stat_sn -= 1
    p.snack(w, STATUS_SNACK, begin=w.exp_stat_sn, run=1)
    w.receive()
    end(p, w)


@exchange("level-1")
def snack_ack(p):
    """level 1: a DataACK for Data-In whose A bit was set"""
    w = p.login(ErrorRecoveryLevel="1", MaxRecvDataSegmentLength="512", MaxBurstLength="1024",
                FirstBurstLength="1024")
    p.read(w, 64, 4)
    for pdu in w.receive():
        if pdu[0][0] & 0x3F == DATA_IN and pdu[0][1] & 0x40:
            ttt, data_sn = words_of(pdu, 20, 36)
            p.snack(w, DATA_ACK, NO_TAG, ttt, data_sn + 1)
    w.receive()
    p.nop(w)
    w.receive()
    end(p, w)


@exchange("level-1")
def snack_r_data(p):
    """level 1: an R-Data SNACK for a read whose status is not acknowledged"""
    w = p.login(ErrorRecoveryLevel="1", MaxRecvDataSegmentLength="512")
    itt = p.read(w, 64, 4)
    w.receive()
    w.exp_stat_sn -= 1
    p.snack(w, R_DATA_SNACK, itt, 0x1234)
    w.receive()
    p.nop(w)
    w.receive()


@exchange("level-1")
def snack_unknown(p):
    """level 1: SNACKs for a task, for data and for a status that there are not"""
    w = p.login(ErrorRecoveryLevel="1")
    p.snack(w, DATA_SNACK, 0x7777)
    w.receive()
    p.snack(w, STATUS_SNACK, begin=w.exp_stat_sn + 5, run=2)
    w.receive()
    p.nop(w)
    w.receive()


@exchange("level-1")
def immediate_data_damaged(p):
    """level 1: immediate data under a wrong digest are rejected, the command is sent again"""
    w = p.login(ErrorRecoveryLevel="1", DataDigest="CRC32C")
    number = p.cmd_sn
    itt = p.write(w, 8, data=b"\x5a" * 512, bad=True)
    w.receive()
    p.write(w, 8, data=b"\x5a" * 512, itt=itt, cmd_sn=number)
    w.receive()
    end(p, w)


@exchange("level-1")
def data_out_damaged(p):
    """level 1: solicited data under a wrong digest: a recovery R2T"""
    w = p.login(ErrorRecoveryLevel="1", DataDigest="CRC32C", ImmediateData="No")
    itt = p.write(w, 8, 2)
    ttt = r2ts(w.receive(1))[0][0]
    p.data_out(w, itt, ttt, 0, b"\xa5" * 1024, bad=True)
    for ttt, offset, length, _ in r2ts(w.receive()):
        p.data_out(w, itt, ttt, offset, b"\xa5" * length)
    w.receive()
    end(p, w)


@exchange("level-1")
def command_again(p):
    """level 1: a command behind a hole, sent twice with the same ITT and CmdSN, then the hole is filled"""
    w = p.login(ErrorRecoveryLevel="1")
    first = p.cmd_sn
    p.cmd_sn += 2
    itt = p.read(w, 8, cmd_sn=first + 1)
    p.read(w, 8, cmd_sn=first + 1, itt=itt)
    w.receive()
    p.read(w, 0, cmd_sn=first)
    w.receive()
    end(p, w)


# --- task management ------------------------------------------------------------------------------

def managed(name, text, function, fresh=False, **more):
    def body(p):
        w = p.login()
        p.manage(w, function, **more)
        w.receive()
        p.command(w, b"\0" * 6)
        w.receive()
        p.nop(w)
        w.receive()
    body.__doc__, body.__name__ = text, name
    exchange("management", fresh)(body)


managed("abort_unknown_task", "ABORT TASK for a task that is not there, its CmdSN long past", 1, task=0x7777)
managed("abort_task_set", "ABORT TASK SET, then TEST UNIT READY", 2)
managed("clear_aca", "CLEAR ACA", 3)
managed("clear_task_set", "CLEAR TASK SET", 4)
managed("unit_reset", "LOGICAL UNIT RESET, then TEST UNIT READY", 5)
managed("unit_reset_no_unit", "LOGICAL UNIT RESET of LUN 77", 5, lun=77)
managed("warm_reset", "TARGET WARM RESET", 6)
managed("cold_reset", "TARGET COLD RESET", 7, fresh=True)
managed("reassign_level_0", "TASK REASSIGN at level 0", 8, task=0x7777)
managed("function_unknown", "a function that does not exist", 0x3F)


@exchange("management")
def abort_waiting_write(p):
    """ABORT TASK for a write that waits for its data"""
    w = p.login(ImmediateData="No")
    number = p.cmd_sn
    itt = p.write(w, 8, 2)
    w.receive(1)
    p.manage(w, 1, task=itt, ref_cmd_sn=number)
    w.receive()
    p.nop(w)
    w.receive()


# --- logout ---------------------------------------------------------------------------------------

def logouts(name, text, level, reason, cid=None, drop=False, fresh=False):
    def body(p):
        a, b = two(p, ErrorRecoveryLevel=str(level))
        if drop:
            b.drop()
            a.receive()
        p.logout(a, reason, cid)
        a.receive()
        if not drop:
            b.receive()
        p.nop(a)
        a.receive()
    body.__doc__, body.__name__ = text, name
    exchange("logout", fresh)(body)


@exchange("logout")
def logout_own_connection(p):
    """reason 1 for the connection it comes on; the other one stays"""
    a, b = two(p)
    p.logout(b, 1)
    b.receive()
    p.nop(a)
    a.receive(1)
    end(p, a)


logouts("logout_other_connection", "level 0: reason 1 for another living connection", 0, 1, 2)
logouts("logout_unknown_connection", "level 0: reason 1 for a CID that is not there", 0, 1, 9)
logouts("logout_recovery_level_0", "level 0: reason 2", 0, 2, 2)
logouts("logout_recovery_level_1", "level 1: reason 2", 1, 2, 2)
logouts("logout_dropped_level_1", "level 1: reason 1 for a dropped connection", 1, 1, 2, drop=True)
logouts("logout_dropped_level_2", "level 2: reason 2 for a dropped connection", 2, 2, 2, drop=True, fresh=True)
logouts("logout_reason_unknown", "a reason that does not exist", 0, 5)


# --- what is wrong --------------------------------------------------------------------------------

def wrong(name, text, **keys):
    def keep(act):
        def body(p):
            w = p.login(**keys)
            act(p, w)
            w.receive()
            p.nop(w)
            w.receive()
        body.__doc__, body.__name__ = text, name
        exchange("reject")(body)
    return keep


@wrong("opcode_unknown", "an opcode that does not exist")
def _(p, w):
    w.send(0x1C, FINAL, p.tag(), (0, p.cmd_sn, w.exp_stat_sn))


@wrong("snack_level_0", "a SNACK at level 0")
def _(p, w):
    p.snack(w, STATUS_SNACK, begin=w.exp_stat_sn, run=1)


@wrong("data_out_unknown", "Data-Out for a task that is not there")
def _(p, w):
    p.data_out(w, 0x7777, 0x7777, 0, b"\xa5" * 512)


@wrong("too_much_immediate", "immediate data beyond FirstBurstLength", FirstBurstLength="512",
       MaxBurstLength="1024")
def _(p, w):
    p.write(w, 8, 2, data=b"\x5a" * 1024)


@wrong("immediate_not_agreed", "immediate data with ImmediateData=No", ImmediateData="No")
def _(p, w):
    p.write(w, 8, data=b"\x5a" * 512)


@wrong("digest_wrong_level_0", "level 0: immediate data under a wrong digest", DataDigest="CRC32C")
def _(p, w):
    p.write(w, 8, data=b"\x5a" * 512, bad=True)


@wrong("number_beyond_window", "a CmdSN beyond MaxCmdSN")
def _(p, w):
    p.read(w, 0, cmd_sn=p.cmd_sn + 5000)


@wrong("login_again", "a Login Request in full feature phase")
def _(p, w):
    w.send(0x43, 0x87, p.tag(), (1 << 16, p.cmd_sn, w.exp_stat_sn), b"InitiatorName=a\0")
