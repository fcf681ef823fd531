# Installs the agent of a kiosk as a service that runs before anybody logs in, as
# LocalService, with a folder of its own; and a task by which the kiosk's user, who cannot
# read that folder, gets a one-time link for the browser. Run it as an administrator.
#
#   .\kiosk.ps1 -KioskUser kiosk      .\kiosk.ps1 -Remove (keeps the folder)
param([string]$KioskUser, [switch]$Remove)
$ErrorActionPreference = 'Stop'
$name = 'passport-agent'
$linkTask = 'passport-agent-link'
function Invoke-Checked { # a program that has to end with 0
    & $args[0] $args[1..($args.Length - 1)] | Out-Null
    if ($LASTEXITCODE -ne 0) { throw "$($args[0]) ended with $LASTEXITCODE" }
}
if ($Remove) {
    Stop-Service $name
    Invoke-Checked sc.exe delete $name
    Unregister-ScheduledTask -TaskName $linkTask -Confirm:$false
    Remove-Item -Recurse "HKLM:\SYSTEM\CurrentControlSet\Services\EventLog\Application\$name"
    return
}
if (-not $KioskUser) { throw 'Name the user of the kiosk: -KioskUser' }
if (-not $PSScriptRoot.StartsWith($env:ProgramFiles)) { throw "Unpack the archive below $env:ProgramFiles, where only administrators write." }

$program = Join-Path $PSScriptRoot 'passport-agent.exe'
# What stands in conf.d holds for all users: nobody but administrators writes it. A folder
# in ProgramData is everybody's to write, unless it is said. Groups go by number, since
# their names are translated.
$base = Join-Path $env:ProgramData 'passport-agent'
New-Item -ItemType Directory -Force (Join-Path $base 'conf.d') | Out-Null
Invoke-Checked icacls.exe $base /setowner '*S-1-5-32-544' /T /Q
Invoke-Checked icacls.exe $base /inheritance:r /grant:r '*S-1-5-18:(OI)(CI)F' '*S-1-5-32-544:(OI)(CI)F' '*S-1-5-32-545:(OI)(CI)RX' /Q
Invoke-Checked icacls.exe (Join-Path $base 'conf.d') /reset /T /Q

$data = Join-Path $base 'data'
$link = Join-Path $base 'link'
New-Item -ItemType Directory -Force $data, $link | Out-Null
# The agent's folder is LocalService's, the system's and the administrators', and nobody
# else's; that of the link is the kiosk user's to read.
Invoke-Checked icacls.exe $data /inheritance:r /grant:r '*S-1-5-19:(OI)(CI)M' '*S-1-5-18:(OI)(CI)F' '*S-1-5-32-544:(OI)(CI)F'
Invoke-Checked icacls.exe $link /inheritance:r /grant:r '*S-1-5-19:(OI)(CI)M' '*S-1-5-18:(OI)(CI)F' '*S-1-5-32-544:(OI)(CI)F' "${KioskUser}:(OI)(CI)R"

# Settings are those of the folder conf.d; the service has no settings of a user.
$command = "`"$program`" serve --kiosk --data-dir `"$data`""
New-Service -Name $name -DisplayName 'Reader of electronic passports' -BinaryPathName $command -StartupType Automatic -DependsOn SCardSvr | Out-Null
Invoke-Checked sc.exe config $name obj= 'NT AUTHORITY\LocalService'
Invoke-Checked sc.exe failure $name reset= 86400 actions= restart/2000/restart/2000/restart/60000
Invoke-Checked sc.exe failureflag $name 1
# Freed memory is overwritten (docs/security.md).
New-ItemProperty "HKLM:\SYSTEM\CurrentControlSet\Services\$name" -Name Environment -PropertyType MultiString -Value 'GODEBUG=clobberfree=1' | Out-Null
# Messages go to the event log 'Application'.
$source = New-Item -Force "HKLM:\SYSTEM\CurrentControlSet\Services\EventLog\Application\$name"
$source | New-ItemProperty -Name EventMessageFile -PropertyType ExpandString -Value '%SystemRoot%\System32\EventCreate.exe' | Out-Null
$source | New-ItemProperty -Name TypesSupported -PropertyType DWord -Value 7 | Out-Null

# The task writes a new link whenever the kiosk's user runs it.
$write = "/c `"`"$program`" serve --link --data-dir `"$data`" > `"$link\new`" && move /y `"$link\new`" `"$link\link.txt`"`""
$action = New-ScheduledTaskAction -Execute 'cmd.exe' -Argument $write
$service = New-ScheduledTaskPrincipal -UserId 'LOCALSERVICE' -LogonType ServiceAccount
Register-ScheduledTask -TaskName $linkTask -Action $action -Principal $service | Out-Null
Invoke-Checked icacls.exe "$env:SystemRoot\System32\Tasks\$linkTask" /grant "${KioskUser}:RX"
Start-Service $name
